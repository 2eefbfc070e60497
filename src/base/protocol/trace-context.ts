// W3C Trace Context: what a caller says of the trace its message belongs to, in the `traceparent` header or in `_meta`. Whoever
// reads it reads it here, so that a span and an audit record of one message never name two traces.

export interface TraceParent {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** Span of the caller, 16 lower-case hex digits. */
  readonly spanId: string;
  /** Does the caller record this trace? */
  readonly isSampled: boolean;
}

/** `version-traceid-parentid-flags`; a later version may have more after that (W3C Trace Context §3.2, §4.3). */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);

/** @returns undefined for what the recommendation calls invalid: whoever gets that starts a trace of its own */
export function parseTraceparent(text: string | undefined): TraceParent | undefined {
  if (text === undefined) return undefined;
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(text) ?? [];
  if (traceId === undefined || spanId === undefined || traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags ?? '', 16) & 1) === 1 };
}

export function traceparentText({ traceId, spanId, isSampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`;
}
