// The roots that clients gave an upstream last. Servers of the older era ask for them when it suits them, and a client of the newer one can only be
// asked in the middle of a call (protocol.md 2.2).
import { hash } from 'node:crypto';

const CLIENTS_MAX = 1000;
const ROOTS_BYTES_MAX = 64 * 1024;

export class KnownRootsBook {
  /** By upstream, caller and what its client declares: what one upstream was given is not told another. */
  readonly #byClient = new Map<string, string>();

  /** The text of the `roots/list` result; undefined when it was never given. */
  get(upstreamId: string, callerKey: string, declared: string): string | undefined {
    return this.#byClient.get(keyOf(upstreamId, callerKey, declared));
  }

  note(upstreamId: string, callerKey: string, declared: string, result: string): void {
    const key = keyOf(upstreamId, callerKey, declared);
    this.#byClient.delete(key);
    if (result.length > ROOTS_BYTES_MAX) return;
    const [oldest] = this.#byClient.keys();
    if (this.#byClient.size >= CLIENTS_MAX && oldest !== undefined) this.#byClient.delete(oldest);
    this.#byClient.set(key, Buffer.from(result, 'latin1').toString('latin1'));
  }
}

function keyOf(...parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64');
}
