import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packRows, unpackRows } from './record-packing.ts';

const WIDTH = 3;

describe('packed records', () => {
  it('whole numbers of any size come back exactly', () => {
    const row = fc.tuple(fc.nat(300), fc.maxSafeInteger(), fc.nat({ max: 0xffff_ffff }));
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
        const numbers = Float64Array.from(rows.flat());
        expect(unpackRows(packRows(numbers, rows.length, WIDTH), rows.length, WIDTH)).toEqual(numbers);
      }),
    );
  });

  it('fractions come back to the thousandth', () => {
    const row = fc.tuple(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.constant(7), fc.double({ min: 1.7e12, max: 1.9e12, noNaN: true }));
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
        const back = unpackRows(packRows(Float64Array.from(rows.flat()), rows.length, WIDTH), rows.length, WIDTH);
        rows.flat().forEach((value, at) => expect(Math.abs((back[at] ?? NaN) - value)).toBeLessThanOrEqual(0.0011));
      }),
    );
  });

  it('a batch of like calls takes a few bytes a call', () => {
    const count = 1000;
    const numbers = new Float64Array(count * WIDTH);
    for (let row = 0; row < count; row++) numbers.set([1_795_000_000_000 + row, 200, 1.25 + row / 100], row * WIDTH);
    expect(packRows(numbers, count, WIDTH).byteLength).toBeLessThan(count * 8);
  });
});
