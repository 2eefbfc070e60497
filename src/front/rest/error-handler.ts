// One of the two places where errors become answers: the contract's bodies, or RFC 9457 for who asks for it. Each error is logged
// once, here, with the id that its answer carries.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError, toAppError, type Logger } from '#base/kernel';
import { attemptOf } from './attempt.ts';

export type ErrorAnswer = (error: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply;

export function createErrorAnswer(log: Logger): ErrorAnswer {
  return (thrown, request, reply) => {
    const error = fromFastify(thrown) ?? toAppError(thrown);
    const attempt = attemptOf(request);
    if (attempt !== undefined) attempt.errorCode = error.code;
    logOnce(log, error, request);
    const status = attempt?.route.statusOf?.[error.code] ?? error.status;
    reply.code(status).headers(errorHeaders(error));
    if (wantsProblem(request)) return reply.type('application/problem+json').send(JSON.stringify(problem(error, status)));
    return reply.type('application/json; charset=utf-8').send(JSON.stringify(contractBody(error, attempt?.route.errorKey ?? 'detail')));
  };
}

/** RFC 9457. `type` names the code; docs/reference/errors.md explains it. */
function problem(error: AppError, status: number): Record<string, unknown> {
  return {
    type: `urn:mcpgateway:error:${error.code}`,
    title: error.kind.help,
    status,
    detail: error.message,
    instance: `urn:uuid:${error.id}`,
    code: error.code,
    retryable: error.kind.retryable,
    ...error.data,
  };
}

function contractBody(error: AppError, key: 'detail' | 'message'): Record<string, unknown> {
  if (error.code === 'request.validation') return { detail: error.data?.['errors'] ?? error.message };
  // What the credential guard says has one form everywhere.
  const name = error.status === 401 ? 'detail' : key;
  if (error.code === 'internal') return { [name]: error.message, id: error.id };
  return { [name]: error.message, ...error.data };
}

function errorHeaders(error: AppError): Record<string, string> {
  const headers: Record<string, string> = {};
  if (error.status === 401) headers['www-authenticate'] = 'Bearer';
  const retryAfterMs = error.data?.['retryAfterMs'];
  if (typeof retryAfterMs === 'number') headers['retry-after'] = String(Math.ceil(retryAfterMs / 1000));
  const allow = error.data?.['allow'];
  if (error.status === 405 && typeof allow === 'string') headers['allow'] = allow;
  return headers;
}

function wantsProblem(request: FastifyRequest): boolean {
  return /\bapplication\/problem\+json\b/i.test(request.headers.accept ?? '');
}

function logOnce(log: Logger, error: AppError, request: FastifyRequest): void {
  const fields = {
    id: error.id,
    code: error.code,
    correlationId: request.id,
    method: request.method,
    path: request.url.split('?', 1)[0],
    internal: error.internal,
  };
  if (error.code === 'internal') log.error(error.message, fields);
  else if (error.code === 'database.unavailable') log.warn(error.message, fields);
  else log.debug(error.message, fields);
}

/** What Fastify itself refuses, in the words of our catalogue. */
function fromFastify(thrown: unknown): AppError | undefined {
  if (thrown instanceof AppError || typeof thrown !== 'object' || thrown === null) return undefined;
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new AppError('request.too_large', 'The body is larger than this gateway takes (MCPGATEWAY_MAX_BODY_BYTES).');
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new AppError('request.unsupported_media_type', 'Send the body as Content-Type: application/json.');
  if (code === 'FST_ERR_BAD_URL') return new AppError('request.bad_input', 'The path is not a valid URL path.');
  const isRefusal = typeof code === 'string' && code.startsWith('FST_') && typeof statusCode === 'number' && statusCode < 500;
  return isRefusal ? new AppError('request.bad_input', 'The request cannot be read.', { internal: code }) : undefined;
}
