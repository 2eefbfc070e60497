// Reads a request's body up to a limit. What is too large is refused honestly: the rest is read and thrown away first, for a moment,
// because a connection closed on a client that is still sending is reset, and the client never sees the 413.
import type { Readable } from 'node:stream';
import { AppError } from '#base/kernel';

const DISCARDED_BYTES_MAX = 64 * 1024 * 1024;
const DISCARDING_MS_MAX = 5_000;

/** Throws AppError `request.too_large`, or `request.bad_input` when the client stops in the middle. */
export async function readBody(body: Readable, bytesMax: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  let discardUntilMs = Number.POSITIVE_INFINITY;
  try {
    for await (const part of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      sizeBytes += part.length;
      if (sizeBytes <= bytesMax) parts.push(part);
      else if (discardUntilMs === Number.POSITIVE_INFINITY) {
        parts.length = 0;
        discardUntilMs = Date.now() + DISCARDING_MS_MAX;
      }
      if (sizeBytes > bytesMax + DISCARDED_BYTES_MAX || Date.now() > discardUntilMs) break;
    }
  } catch (cause) {
    throw new AppError('request.bad_input', 'The body did not arrive completely.', { cause });
  }
  if (sizeBytes > bytesMax)
    throw new AppError('request.too_large', `The body has ${sizeBytes} bytes or more; ${bytesMax} are accepted (MCPGATEWAY_MAX_BODY_BYTES).`);
  return Buffer.concat(parts);
}
