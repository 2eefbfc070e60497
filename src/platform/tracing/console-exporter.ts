// Spans for somebody who looks on: one JSON line each, on standard error, because standard output may be an MCP connection.
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';

/** SpanStatusCode.ERROR, whose enum is not loaded for this. */
const FAILED = 2;

export class ConsoleExporter implements SpanExporter {
  readonly #output: { write(text: string): unknown };

  constructor(output: { write(text: string): unknown }) {
    this.#output = output;
  }

  export(spans: ReadableSpan[], done: (result: { code: 0 }) => void): void {
    for (const span of spans) this.#output.write(`${JSON.stringify(lineOf(span))}\n`);
    done({ code: 0 });
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

function lineOf(span: ReadableSpan): object {
  const { traceId, spanId } = span.spanContext();
  return {
    span: span.name,
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    start: new Date(span.startTime[0] * 1000 + span.startTime[1] / 1e6).toISOString(),
    durationMs: span.duration[0] * 1000 + span.duration[1] / 1e6,
    hasFailed: (span.status.code as number) === FAILED,
    attributes: span.attributes,
  };
}
