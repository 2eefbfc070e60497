export { ERROR_CODES, type ErrorCode, type ErrorKind, type Fault } from './error-codes.ts';
export { AppError, toAppError, type AppErrorOptions } from './errors.ts';
export { newId, newSecretId, normaliseId } from './ids.ts';
export { silentLogger, type LogFields, type Logger } from './logger.ts';
export { Secret } from './secret.ts';
export { type Span, type SpanSink } from './span.ts';
