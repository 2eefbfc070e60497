// Turns the gateway's spans into OpenTelemetry's and sends them in batches. The SDK is loaded here, and only when tracing is on.
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Config } from '#base/config';
import type { Logger, SpanSink } from '#base/kernel';
import { ConsoleExporter } from './console-exporter.ts';
import { readableSpan, type SpanSource } from './readable-span.ts';
import { WatchedExporter } from './watched-exporter.ts';

export interface Tracing {
  readonly spans: SpanSink;
  /** Sends what is waiting, for as long as an exit may take, and no more after that. */
  close(): Promise<void>;
}

/** A collector that does not answer must not keep the gateway from stopping. */
const CLOSE_MAX_MS = 3000;

/** @returns undefined when tracing is off */
export async function openTracing(settings: Config['tracing'], appVersion: string, log: Logger): Promise<Tracing | undefined> {
  if (!settings.enabled) return undefined;
  const takesIdentity = settings.hasIdentity;
  if (settings.exporter === 'none') return { spans: { takesIdentity, add() {} }, close: () => Promise.resolve() };
  const { diag, DiagLogLevel } = await import('@opentelemetry/api');
  const { BatchSpanProcessor } = await import('@opentelemetry/sdk-trace-base');
  const { resourceFromAttributes } = await import('@opentelemetry/resources');
  // Dropped spans are warned of; what is an error there has been said by the watched exporter.
  const quiet = (message: string): void => log.debug(message);
  diag.setLogger({ error: quiet, warn: (message) => log.warn(`Tracing: ${message}`), info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.WARN);
  const source: SpanSource = {
    resource: resourceFromAttributes({
      'service.name': settings.serviceName,
      'service.version': appVersion,
      'deployment.environment.name': settings.deploymentEnvironment,
      ...settings.resourceAttributes,
    }),
    instrumentationScope: { name: 'mcpgateway', version: appVersion },
  };
  const exporter = settings.exporter === 'console' ? new ConsoleExporter(process.stderr) : await otlpExporter(settings);
  const processor = new BatchSpanProcessor(new WatchedExporter(exporter, log), {
    maxQueueSize: settings.queueMax,
    maxExportBatchSize: settings.batchMax,
    scheduledDelayMillis: settings.delayMs,
  });
  return {
    spans: {
      takesIdentity,
      add: (span) => processor.onEnd(readableSpan(span, source)),
    },
    async close() {
      const late = AbortSignal.timeout(CLOSE_MAX_MS);
      const isLate = new Promise<void>((resolve) => late.addEventListener('abort', () => resolve(), { once: true }));
      await Promise.race([processor.shutdown().catch(() => undefined), isLate]);
    },
  };
}

async function otlpExporter({ endpoint, protocol, headers: secrets }: Config['tracing']): Promise<SpanExporter> {
  const headers = Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, value.reveal()]));
  const { OTLPTraceExporter } =
    protocol === 'http/json' ? await import('@opentelemetry/exporter-trace-otlp-http') : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter({ url: endpoint, headers });
}
