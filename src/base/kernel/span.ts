// What rooms may say of a message to whoever collects traces. The adapter (OpenTelemetry) is chosen by the composition root, and
// is there only while tracing is on.

export interface Span {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** 16 hex digits; undefined where the trace begins. */
  readonly parentSpanId: string | undefined;
  readonly name: string;
  /** `server`: a message that was received; `client`: one that is passed on to the one who is asked or told. */
  readonly kind: 'server' | 'client';
  /** Epoch ms. */
  readonly startMs: number;
  /** Epoch ms. */
  readonly endMs: number;
  readonly hasFailed: boolean;
  /** Never arguments, results, tokens or secrets. */
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** Where ended spans go. Never throws and never blocks the caller; what cannot be kept is dropped. */
export interface SpanSink {
  /** May a span say who the user is? */
  readonly takesIdentity: boolean;
  add(span: Span): void;
}
