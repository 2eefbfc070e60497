// What tracing needs worked out: where spans are posted, with which headers, and which choices of others there are not here. All of
// it is looked at only when tracing is on, so that settings brought along do no harm.
import { Secret } from '#base/kernel';
import type { Config } from './config.ts';
import { textToNameValues } from './name-values.ts';
import type { CombinedFault } from './resolve-config.ts';
import type { ParsedConfig } from './schema.ts';

const SIGNAL_PATH = '/v1/traces';
/** Collectors take gRPC there by convention, and HTTP on 4318. */
const GRPC_PORT = '4317';

export function checkTracing({ tracing }: ParsedConfig, faults: CombinedFault[], warnings: string[]): void {
  if (!tracing.enabled) return;
  const { exporter, endpoint } = tracing;
  const refuse = (name: string, problem: string): void => void faults.push({ name, problem, concerns: ['OTEL_ENABLE_OBSERVABILITY'] });
  if (exporter === 'jaeger') refuse('OTEL_TRACES_EXPORTER', 'there is no exporter of its own for Jaeger: it takes `otlp`, over HTTP on port 4318');
  if (exporter === 'zipkin') refuse('OTEL_TRACES_EXPORTER', 'there is no exporter for Zipkin: use `otlp` and the OpenTelemetry Collector');
  if (tracing.protocol === 'grpc')
    refuse('OTEL_EXPORTER_OTLP_PROTOCOL', 'there is no gRPC exporter: use `http/protobuf`, which collectors take on port 4318');
  if (exporter === 'otlp' && new URL(endpoint).port === GRPC_PORT)
    warnings.push(
      `OTEL_EXPORTER_OTLP_ENDPOINT is ${new URL(endpoint).origin}: collectors mostly take gRPC there, and the HTTP spoken here on port 4318.`,
    );
  if (tracing.headers !== undefined && textToNameValues(tracing.headers.reveal()) === undefined)
    refuse('OTEL_EXPORTER_OTLP_HEADERS', 'it is not a list of name=value pairs');
  if (tracing.resourceAttributes !== undefined && textToNameValues(tracing.resourceAttributes) === undefined)
    refuse('OTEL_RESOURCE_ATTRIBUTES', 'it is not a list of name=value pairs');
  if (tracing.batchMax > tracing.queueMax) {
    faults.push({
      name: 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
      problem: `${tracing.batchMax} is more than OTEL_BSP_MAX_QUEUE_SIZE (${tracing.queueMax})`,
      concerns: ['OTEL_BSP_MAX_QUEUE_SIZE', 'OTEL_ENABLE_OBSERVABILITY'],
    });
  }
}

export function completeTracing({ tracing, app }: ParsedConfig): Config['tracing'] {
  const { exporter } = tracing;
  const headers = textToNameValues(tracing.headers?.reveal() ?? '') ?? {};
  return {
    ...tracing,
    exporter: exporter === 'otlp' || exporter === 'console' ? exporter : 'none',
    protocol: tracing.protocol === 'http/json' ? 'http/json' : 'http/protobuf',
    endpoint: tracesEndpoint(tracing.endpoint),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, new Secret(value)])),
    deploymentEnvironment: tracing.deploymentEnvironment ?? app.environment,
    resourceAttributes: textToNameValues(tracing.resourceAttributes ?? '') ?? {},
  };
}

function tracesEndpoint(base: string): string {
  const url = new URL(base);
  if (!url.pathname.endsWith(SIGNAL_PATH)) url.pathname = url.pathname.replace(/\/$/, '') + SIGNAL_PATH;
  return url.href;
}
