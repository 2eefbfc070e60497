// The one error type that crosses rooms. It keeps what the caller may read (`message`) apart from what only the operator may
// (`internal`), and knows who is at fault. Exactly two places map it outwards: front/rest and base/protocol.
import { randomUUID } from 'node:crypto';
import { ERROR_CODES, type ErrorCode, type ErrorKind } from './error-codes.ts';

export interface AppErrorOptions {
  /** For the log only; may hold addresses, causes, upstream texts. Never leaves the process. */
  readonly internal?: string;
  readonly cause?: unknown;
  /** Public machine-readable additions, e.g. `{ retryAfterMs: 1200 }` or `{ errors: [...] }`. */
  readonly data?: Readonly<Record<string, unknown>>;
}

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly internal: string | undefined;
  readonly data: Readonly<Record<string, unknown>> | undefined;
  /** Made on first use: the id a user quotes and the log finds. Most refusals are never quoted. */
  #id: string | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.kind = ERROR_CODES[code];
    this.internal = options.internal;
    this.data = options.data;
  }

  get id(): string {
    return (this.#id ??= randomUUID());
  }

  get status(): number {
    return this.kind.status;
  }
}

/** Any thrown value as an AppError; what we did not throw ourselves is a defect and tells the caller nothing. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const internal = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return new AppError('internal', 'The gateway made an error. The id finds it in the log.', { internal, cause: thrown });
}
