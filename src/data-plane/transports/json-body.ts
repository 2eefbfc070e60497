// The body of a POST as every door wants it: JSON by its content type, not compressed, valid UTF-8, not too large.
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '#base/kernel';
import { readBody } from './streamable-http/read-body.ts';

/**
 * Calls back once with the body; not at all when the client goes away. The error is AppError `request.unsupported_media_type`,
 * `request.too_large` or `request.malformed_json`.
 */
export function readJsonBody(
  req: IncomingMessage,
  res: ServerResponse,
  maxBytes: number,
  done: (error: AppError | undefined, body: Buffer) => void,
): void {
  if (req.headers['content-encoding'] !== undefined) {
    done(new AppError('request.unsupported_media_type', 'Compressed request bodies are not accepted.'), NO_BODY);
    return;
  }
  readBody(req, res, maxBytes, (error, body) => done(error ?? faultOf(req, body), body));
}

const NO_BODY = Buffer.alloc(0);

function faultOf(req: IncomingMessage, body: Buffer): AppError | undefined {
  if (!isJson(req.headers['content-type'])) return new AppError('request.unsupported_media_type', 'Send Content-Type: application/json.');
  return isUtf8(body) ? undefined : new AppError('request.malformed_json', 'The body is not valid UTF-8.');
}

function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && (contentType === 'application/json' || /^application\/json\s*(;|$)/i.test(contentType));
}
