// Call records on disk, column by column: most columns of a batch are constant or small, so that a call takes some 20 bytes
// instead of 150 and the writer's cost stays out of the call's. Multi-byte numbers are little-endian.

/** How one column of a batch is stored: one byte, followed by its base as a float64 and, but for `constant`, `count` offsets from it. */
const KIND = { constant: 0, u8: 1, u16: 2, u32: 3, thousandths: 4, f64: 5 } as const;
const KIND_BYTES = [0, 1, 2, 4, 4, 8] as const;
const HEADER_BYTES = 9;
const U32_MAX = 0xffff_ffff;

/** @param rows `count` rows of `width` numbers. Fractions are kept to the thousandth where that saves space. */
export function packRows(rows: Float64Array, count: number, width: number): Uint8Array {
  const packed = Buffer.allocUnsafe(width * (HEADER_BYTES + count * 8));
  let end = 0;
  for (let column = 0; column < width; column++) end = packColumn(packed, end, rows, count, width, column);
  return packed.subarray(0, end);
}

export function unpackRows(packed: Uint8Array, count: number, width: number): Float64Array {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const rows = new Float64Array(count * width);
  let at = 0;
  for (let column = 0; column < width; column++) {
    const kind = view.getUint8(at);
    const base = view.getFloat64(at + 1, true);
    const size = KIND_BYTES[kind] ?? 0;
    at += HEADER_BYTES;
    for (let row = 0; row < count; row++) rows[row * width + column] = valueAt(view, kind, base, at + row * size);
    at += count * size;
  }
  return rows;
}

function packColumn(packed: Buffer, start: number, rows: Float64Array, count: number, width: number, column: number): number {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let isWhole = true;
  for (let at = column, last = count * width; at < last; at += width) {
    const value = rows[at] as number;
    if (value < min) min = value;
    if (value > max) max = value;
    if (!Number.isInteger(value)) isWhole = false;
  }
  const kind = kindOf(min, max, isWhole);
  const base = kind === KIND.f64 ? 0 : min;
  packed[start] = kind;
  packed.writeDoubleLE(base, start + 1);
  let to = start + HEADER_BYTES;
  for (let at = column, last = count * width; kind !== KIND.constant && at < last; at += width) {
    const value = (rows[at] as number) - base;
    if (kind === KIND.u8) to = packed.writeUInt8(value, to);
    else if (kind === KIND.u16) to = packed.writeUInt16LE(value, to);
    else if (kind === KIND.u32) to = packed.writeUInt32LE(value, to);
    else if (kind === KIND.thousandths) to = packed.writeUInt32LE(Math.round(value * 1000), to);
    else to = packed.writeDoubleLE(rows[at] as number, to);
  }
  return to;
}

function kindOf(min: number, max: number, isWhole: boolean): number {
  if (min === max) return KIND.constant;
  const range = max - min;
  if (isWhole && range <= U32_MAX && Number.isSafeInteger(min) && Number.isSafeInteger(max))
    return range <= 0xff ? KIND.u8 : range <= 0xffff ? KIND.u16 : KIND.u32;
  return !isWhole && range * 1000 < U32_MAX ? KIND.thousandths : KIND.f64;
}

function valueAt(view: DataView, kind: number, base: number, at: number): number {
  switch (kind) {
    case KIND.constant:
      return base;
    case KIND.u8:
      return base + view.getUint8(at);
    case KIND.u16:
      return base + view.getUint16(at, true);
    case KIND.u32:
      return base + view.getUint32(at, true);
    case KIND.thousandths:
      return Math.round(base * 1000 + view.getUint32(at, true)) / 1000;
    default:
      return view.getFloat64(at, true);
  }
}
