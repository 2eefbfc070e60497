// What a client sends before its handshake is over. On a line messages come in order, but over HTTP each goes by itself, and upstreams
// refuse what overtakes `initialize` or `notifications/initialized`.
import { AppError } from '#base/kernel';
import type { Envelope } from '#base/protocol';
import type { LineRequest } from './line.ts';

const WAITING_MAX = 1000;
const WAITING_BYTES_MAX = 64 * 1024 * 1024;

export const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}';

export class HandshakeQueue {
  readonly #messages: LineRequest[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** Throws AppError `request.invalid` when too much waits. */
  add(message: LineRequest): void {
    if (this.#messages.length >= WAITING_MAX || this.#bytes + message.text.length > WAITING_BYTES_MAX)
      throw new AppError('request.invalid', 'Too many messages were sent before initialize was answered.');
    this.#messages.push(message);
    this.#bytes += message.text.length;
  }

  take(): LineRequest | undefined {
    const message = this.#messages.shift();
    this.#bytes -= message?.text.length ?? 0;
    return message;
  }
}

export function isHandshake({ method }: Envelope): boolean {
  return method === 'initialize' || method === 'notifications/initialized';
}

/** The revision in the result of `initialize`. */
export function negotiatedIn(response: string): string | undefined {
  const { result } = JSON.parse(response) as { result?: { protocolVersion?: unknown } | null };
  return typeof result?.protocolVersion === 'string' ? result.protocolVersion : undefined;
}
