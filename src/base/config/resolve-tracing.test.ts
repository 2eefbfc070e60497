import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig, type LoadedConfig } from './load-config.ts';

const cwd = mkdtempSync(join(tmpdir(), 'tracing-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
const load = (env: Record<string, string>): LoadedConfig =>
  loadConfig({ env: { OTEL_ENABLE_OBSERVABILITY: 'true', ...env }, cwd, keepsSecrets: false });

describe('settings of tracing', () => {
  it('post spans to the standard path below the endpoint, or to the path that is given', () => {
    expect(load({}).config.tracing).toMatchObject({ endpoint: 'http://localhost:4318/v1/traces', protocol: 'http/protobuf' });
    expect(load({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://otlp.test/tenant/' }).config.tracing.endpoint).toBe('https://otlp.test/tenant/v1/traces');
    expect(load({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://otlp.test/v1/traces' }).config.tracing.endpoint).toBe('https://otlp.test/v1/traces');
  });

  it('read headers and attributes as OpenTelemetry writes them, and never print a header', () => {
    const { tracing } = load({ OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20k=, x=1', OTEL_RESOURCE_ATTRIBUTES: 'team=blue%2Cred' }).config;
    expect(Object.entries(tracing.headers).map(([name, value]) => [name, value.reveal()])).toEqual([
      ['authorization', 'Bearer k='],
      ['x', '1'],
    ]);
    expect(JSON.stringify(tracing)).not.toContain('Bearer');
    expect(tracing.resourceAttributes).toEqual({ team: 'blue,red' });
  });

  it.each([
    ['OTEL_TRACES_EXPORTER', 'jaeger', /otlp/],
    ['OTEL_TRACES_EXPORTER', 'zipkin', /Collector/],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', /http\/protobuf/],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'no pair', /name=value/],
    ['OTEL_RESOURCE_ATTRIBUTES', '=x', /name=value/],
    ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', '4096', /OTEL_BSP_MAX_QUEUE_SIZE/],
  ])('%s=%s is refused with the way to go while tracing is on, and does no harm while it is off', (name, value, words) => {
    expect(() => load({ [name]: value })).toThrow(words);
    expect(() => load({ [name]: value })).toThrow(new RegExp(name));
    expect(() => load({ [name]: value, OTEL_ENABLE_OBSERVABILITY: 'false' })).not.toThrow();
  });

  it('warn of the port where collectors take gRPC', () => {
    expect(load({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4317' }).warnings.join()).toContain('4318');
  });
});
