// A collector of traces for tests: takes OTLP over HTTP in both encodings and keeps every span in one plain form.
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** '' where the trace begins. */
  readonly parentSpanId: string;
  readonly name: string;
  /** OTLP's numbers: 2 server, 3 client. */
  readonly kind: number;
  readonly hasFailed: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface OtlpCollector {
  /** Without a path, as OTEL_EXPORTER_OTLP_ENDPOINT takes it. */
  readonly url: string;
  readonly spans: CollectedSpan[];
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: Buffer }[];
  /** Answer with this status from now on. */
  answerWith(status: number): void;
  close(): Promise<void>;
}

export async function startOtlpCollector(): Promise<OtlpCollector> {
  const spans: CollectedSpan[] = [];
  const requests: OtlpCollector['requests'] = [];
  let status = 200;
  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      const whole = Buffer.concat(parts);
      const body = req.headers['content-encoding'] === 'gzip' ? gunzipSync(whole) : whole;
      requests.push({ path: req.url ?? '', headers: req.headers, body });
      const isJson = req.headers['content-type'] === 'application/json';
      if (status === 200) spans.push(...(isJson ? fromJson(body) : fromProtobuf(body)));
      res.writeHead(status, { 'content-type': isJson ? 'application/json' : 'application/x-protobuf' }).end(isJson ? '{}' : '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests,
    answerWith: (next) => void (status = next),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

interface JsonPair {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}
interface JsonSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly status?: { readonly code?: number };
  readonly attributes: readonly JsonPair[];
}
interface JsonRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly JsonPair[] };
    readonly scopeSpans: readonly { readonly spans: readonly JsonSpan[] }[];
  }[];
}

function fromJson(body: Buffer): CollectedSpan[] {
  const { resourceSpans } = JSON.parse(body.toString()) as JsonRequest;
  const members = (pairs: readonly JsonPair[]): Record<string, unknown> =>
    Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0]]));
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap((scope) => scope.spans)
      .map(({ parentSpanId = '', status, attributes, traceId, spanId, name, kind }) => ({
        traceId,
        spanId,
        name,
        kind,
        parentSpanId,
        hasFailed: status?.code === 2,
        attributes: members(attributes),
        resource: members(resource.attributes),
      })),
  );
}

/** Field number → its values: a number for varints, bytes for all else (protobuf encoding; trace.proto gives the numbers). */
type Fields = ReadonlyMap<number, readonly (number | Buffer)[]>;

function fieldsOf(bytes: Buffer): Fields {
  const fields = new Map<number, (number | Buffer)[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes.readUInt8(at++);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => bytes.subarray(at, (at += length));
  while (at < bytes.length) {
    const key = varint();
    const wire = key & 7;
    const value = wire === 0 ? varint() : wire === 1 ? take(8) : wire === 5 ? take(4) : take(varint());
    fields.set(key >>> 3, [...(fields.get(key >>> 3) ?? []), value]);
  }
  return fields;
}

const inside = (fields: Fields | undefined, number: number): Fields[] => (fields?.get(number) ?? []).map((value) => fieldsOf(value as Buffer));
const textOf = (fields: Fields | undefined, number: number, encoding: 'utf8' | 'hex' = 'utf8'): string =>
  ((fields?.get(number)?.[0] ?? Buffer.alloc(0)) as Buffer).toString(encoding);

function pairsOf(pairs: readonly Fields[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [value] = inside(pair, 2);
      return [textOf(pair, 1), value?.has(1) === true ? textOf(value, 1) : value?.get(3)?.[0]];
    }),
  );
}

function fromProtobuf(body: Buffer): CollectedSpan[] {
  return inside(fieldsOf(body), 1).flatMap((resourceSpans) => {
    const resource = pairsOf(inside(inside(resourceSpans, 1)[0], 1));
    return inside(resourceSpans, 2)
      .flatMap((scope) => inside(scope, 2))
      .map((span) => ({
        traceId: textOf(span, 1, 'hex'),
        spanId: textOf(span, 2, 'hex'),
        parentSpanId: textOf(span, 4, 'hex'),
        name: textOf(span, 5),
        kind: Number(span.get(6)?.[0] ?? 0),
        hasFailed: inside(span, 15)[0]?.get(3)?.[0] === 2,
        attributes: pairsOf(inside(span, 9)),
        resource,
      }));
  });
}
