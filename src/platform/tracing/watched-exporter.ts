// A collector that is away costs spans, never calls, and one line in the log: when it begins, and when it is over.
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Logger } from '#base/kernel';

type ExportResult = Parameters<Parameters<SpanExporter['export']>[1]>[0];

/** ExportResultCode.SUCCESS, whose enum is not loaded for this. */
const SUCCESS = 0;

export class WatchedExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #log: Logger;
  #spansLost = 0;

  constructor(exporter: SpanExporter, log: Logger) {
    this.#exporter = exporter;
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, (result) => {
      this.#noteResult(result, spans.length);
      done(result);
    });
  }

  #noteResult({ code, error }: ExportResult, spans: number): void {
    const isFirstLoss = this.#spansLost === 0;
    if ((code as number) !== SUCCESS) {
      this.#spansLost += spans;
      if (isFirstLoss) this.#log.warn('Traces cannot be delivered; calls are not affected', { problem: error?.message ?? 'unknown' });
    } else if (!isFirstLoss) {
      this.#log.warn('Traces are delivered again', { spansLost: this.#spansLost });
      this.#spansLost = 0;
    }
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.();
  }
}
