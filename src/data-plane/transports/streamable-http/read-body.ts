// Reads a request's body up to a limit. What is too large is refused honestly: the rest is read and thrown away first, for a moment,
// because a connection closed on a client that is still sending is reset, and the client never sees the 413.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '#base/kernel';

const DRAIN_MAX_BYTES = 64 * 1024 * 1024;
const DRAIN_MAX_MS = 5_000;

/** Calls back once with the body, or with AppError `request.too_large`; not at all when the client goes away. */
export function readBody(
  req: IncomingMessage,
  res: ServerResponse,
  maxBytes: number,
  done: (error: AppError | undefined, body: Buffer) => void,
): void {
  const announced = Number(req.headers['content-length']);
  if (announced > maxBytes) {
    discardRest(req, res, () => done(tooLarge(announced, maxBytes), EMPTY));
    return;
  }
  let first: Buffer | undefined;
  let rest: Buffer[] | undefined;
  let size = 0;
  let isOver = false;
  req.on('data', (chunk: Buffer) => {
    if (isOver) return;
    size += chunk.length;
    if (size > maxBytes) {
      isOver = true;
      first = rest = undefined;
      discardRest(req, res, () => done(tooLarge(size, maxBytes), EMPTY));
    } else if (first === undefined) {
      first = chunk;
      // All that was announced is here; there is no need to hear the end of it.
      if (size === announced) finish();
    } else (rest ??= [first]).push(chunk);
  });
  req.on('end', finish);

  function finish(): void {
    if (isOver) return;
    isOver = true;
    done(undefined, rest === undefined ? (first ?? EMPTY) : Buffer.concat(rest));
  }
}

const EMPTY = Buffer.alloc(0);

function tooLarge(actual: number, maxBytes: number): AppError {
  return new AppError('request.too_large', `The body has ${actual} bytes or more; ${maxBytes} are accepted (MCPGATEWAY_MAX_BODY_BYTES).`, {
    data: { maxBytes },
  });
}

/** Calls back once: when the body has ended, or when it was too much or took too long. Not when the client goes away. */
function discardRest(req: IncomingMessage, res: ServerResponse, done: () => void): void {
  res.shouldKeepAlive = false;
  let discarded = 0;
  let isOver = false;
  const over = (): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    done();
  };
  const timer = setTimeout(over, DRAIN_MAX_MS);
  req.on('data', (chunk: Buffer) => {
    discarded += chunk.length;
    if (discarded > DRAIN_MAX_BYTES) over();
  });
  req.on('end', over);
  req.on('close', () => clearTimeout(timer));
  req.resume();
}
