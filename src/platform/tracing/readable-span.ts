// A span of the gateway's in the form the SDK's exporters read. It is whole when it comes, so no tracer of the SDK is needed.
import type { SpanContext } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { Span } from '#base/kernel';

/** What all spans of this process have in common. */
export type SpanSource = Pick<ReadableSpan, 'resource' | 'instrumentationScope'>;

/** Values of the enums in @opentelemetry/api, which is not loaded for them. */
const KIND = { server: 1, client: 2 } as const;
const STATUS = { unset: 0, error: 2 } as const;
const SAMPLED = 1;
/** Spans here have no links and no events. */
const NONE: [] = [];

export function readableSpan(span: Span, source: SpanSource): ReadableSpan {
  const { traceId, spanId, parentSpanId } = span;
  const context: SpanContext = { traceId, spanId, traceFlags: SAMPLED };
  return {
    ...source,
    name: span.name,
    kind: KIND[span.kind],
    spanContext: () => context,
    ...(parentSpanId === undefined ? {} : { parentSpanContext: { traceId, spanId: parentSpanId, traceFlags: SAMPLED } }),
    startTime: highResolution(span.startMs),
    endTime: highResolution(span.endMs),
    duration: highResolution(span.endMs - span.startMs),
    status: { code: span.hasFailed ? STATUS.error : STATUS.unset },
    attributes: { ...span.attributes },
    ended: true,
    links: NONE,
    events: NONE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Seconds and nanoseconds. */
function highResolution(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
