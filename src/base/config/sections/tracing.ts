// One span for each message, sent to a collector of OpenTelemetry traces. Off until somebody turns it on.
import { z } from 'zod';
import { choice, flag, integer, optionalText, secret, text } from '../setting.ts';

export const tracingSection = z.strictObject({
  enabled: flag(false, {
    env: 'OTEL_ENABLE_OBSERVABILITY',
    description: 'Make an OpenTelemetry span of every message, and continue the trace of the client towards upstreams.',
  }),
  exporter: choice(['otlp', 'console', 'none', 'jaeger', 'zipkin'], 'otlp', {
    env: 'OTEL_TRACES_EXPORTER',
    description:
      'Where spans go: `otlp` to a collector, `console` as JSON lines on standard error, `none` nowhere (traces are continued all the same). Jaeger takes OTLP itself and Zipkin through the OpenTelemetry Collector.',
    allowed: 'otlp, console, none',
  }),
  endpoint: text(
    'http://localhost:4318',
    {
      env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
      description: 'Collector that takes OTLP over HTTP; `/v1/traces` is added unless it is there. The scheme decides about TLS.',
      allowed: 'an http or https URL',
    },
    z.url({ protocol: /^https?$/ }),
  ),
  protocol: choice(['http', 'http/protobuf', 'http/json', 'grpc'], 'http', {
    env: 'OTEL_EXPORTER_OTLP_PROTOCOL',
    description: 'Encoding of OTLP over HTTP; `http` is `http/protobuf`. There is no gRPC exporter: collectors take HTTP on port 4318.',
    allowed: 'http, http/protobuf, http/json',
  }),
  headers: secret({
    env: 'OTEL_EXPORTER_OTLP_HEADERS',
    description: 'Headers for the collector, e.g. its key.',
    allowed: 'name=value pairs, comma-separated; values may be percent-encoded',
  }),
  serviceName: text('mcp-gateway', { env: 'OTEL_SERVICE_NAME', description: '`service.name` of all spans.' }, z.string().min(1)),
  deploymentEnvironment: optionalText({
    env: 'OTEL_DEPLOYMENT_ENVIRONMENT',
    description: '`deployment.environment.name` of all spans.',
    fallback: 'ENVIRONMENT',
  }),
  resourceAttributes: optionalText({
    env: 'OTEL_RESOURCE_ATTRIBUTES',
    description: 'Further attributes of the resource all spans belong to.',
    allowed: 'name=value pairs, comma-separated; values may be percent-encoded',
    fallback: 'none',
  }),
  hasIdentity: flag(false, {
    env: 'OTEL_CAPTURE_IDENTITY_ATTRIBUTES',
    description: 'Say on each span who the user is (`user.email`). The audit trail says so in any case.',
  }),
  queueMax: integer(
    2048,
    { min: 1, max: 1_000_000 },
    { env: 'OTEL_BSP_MAX_QUEUE_SIZE', description: 'Spans that may wait to be sent; more are dropped, and the log says how many.' },
  ),
  batchMax: integer(
    512,
    { min: 1, max: 1_000_000 },
    { env: 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE', description: 'Spans in one request to the collector.' },
  ),
  delayMs: integer(
    5000,
    { min: 1, max: 3_600_000 },
    { env: 'OTEL_BSP_SCHEDULE_DELAY', description: 'Milliseconds after which spans are sent although they fill no batch.' },
  ),
});
