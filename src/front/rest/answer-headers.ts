// Headers on every answer: the ids a caller can quote, and what keeps browsers and caches from misusing it (api.md 1.10).
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';

const ID = /^[\x21-\x7e]{1,128}$/;

const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-xss-protection': '0',
  'x-download-options': 'noopen',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** The client's X-Correlation-ID when it can be repeated in a header and a log line, else a new one. */
export function correlationIdOf(request: IncomingMessage): string {
  return sane(request.headers['x-correlation-id']) ?? randomUUID();
}

export function addAnswerHeaders(app: FastifyInstance, hasSecurityHeaders: boolean): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'x-correlation-id': request.id,
      'x-request-id': sane(request.headers['x-request-id']) ?? request.id,
      'cache-control': 'no-store',
    });
    if (hasSecurityHeaders) reply.headers(SECURITY_HEADERS);
  });
}

function sane(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && ID.test(header) ? header : undefined;
}
