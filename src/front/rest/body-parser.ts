// Bodies are JSON in UTF-8, on routes that take one. A browser can send any other type, and none at all, across sites without
// asking first, so those are refused rather than guessed at.
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '#base/kernel';
import { attemptOf } from './attempt.ts';
import { readBody } from './read-body.ts';

const JSON_TYPE = /^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?$/i;
const decoder = new TextDecoder('utf-8', { fatal: true });

export function addBodyParser(app: FastifyInstance, bodyBytesMax: number): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (request: FastifyRequest, payload: IncomingMessage) => {
    const body = await readBody(payload, bodyBytesMax);
    // Routes without a body ignore what clients send along, as curl -d '' does.
    if (attemptOf(request)?.route.input.body === undefined) return undefined;
    ensureJsonType(request);
    return parse(body);
  });
}

/** Throws AppError `request.unsupported_media_type`. */
export function ensureJsonType(request: FastifyRequest): void {
  const { 'content-type': type, 'content-encoding': encoding } = request.headers;
  if (type === undefined || !JSON_TYPE.test(type))
    throw new AppError('request.unsupported_media_type', 'Send the body as Content-Type: application/json.');
  if (encoding !== undefined && encoding !== 'identity')
    throw new AppError('request.unsupported_media_type', 'Send the body without a Content-Encoding.');
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(decoder.decode(body)) as unknown;
  } catch (error) {
    const why = error instanceof SyntaxError ? 'It is not complete JSON.' : 'It is not UTF-8.';
    throw new AppError('request.validation', 'The body cannot be read.', { data: { errors: [{ type: 'json_invalid', loc: ['body'], msg: why }] } });
  }
}
