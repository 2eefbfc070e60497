// Messages in the order in which they came, of which a scenario takes the next of a kind, waiting for it where it must.
import type { Message } from './player.ts';

export class Heard {
  readonly all: Message[] = [];
  readonly #untaken: Message[] = [];
  readonly #waiting: { method: string; take: PromiseWithResolvers<Message> }[] = [];
  #ended: string | undefined;

  add(message: Message): void {
    this.all.push(message);
    const at = this.#waiting.findIndex(({ method }) => method === message.method);
    if (at < 0) this.#untaken.push(message);
    else this.#waiting.splice(at, 1)[0]?.take.resolve(message);
  }

  /** Rejects when the end comes first. */
  next(method: string): Promise<Message> {
    const at = this.#untaken.findIndex((message) => message.method === method);
    const [message] = at < 0 ? [] : this.#untaken.splice(at, 1);
    if (message !== undefined) return Promise.resolve(message);
    const take = Promise.withResolvers<Message>();
    // Whoever has given up by then is not told.
    take.promise.catch(() => undefined);
    if (this.#ended === undefined) this.#waiting.push({ method, take });
    else take.reject(new Error(`no ${method} came: ${this.#ended}`));
    return take.promise;
  }

  end(why: string): void {
    this.#ended = why;
    for (const { method, take } of this.#waiting.splice(0)) take.reject(new Error(`no ${method} came: ${why}`));
  }
}
