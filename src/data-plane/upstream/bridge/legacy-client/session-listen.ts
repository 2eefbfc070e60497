// What one legacy session wants to be told: changes of lists, and of the resources it has subscribed to. The filter of a listen stream
// cannot be changed, so a subscription opens another stream and then ends the former (protocol.md 2.3); a stream that breaks is opened
// again after a pause, and the client told that lists may be others, since something may have been missed.
import { toAppError, type Logger } from '#base/kernel';
import { valueAt } from '#base/protocol';
import type { UpstreamPort, UpstreamRequest } from '#data-plane/gateway';
import { ReopenTimer } from '../../channel/reopen-timer.ts';
import { ListenStream, listenText, type ListenOwner, type Reception } from './listen-stream.ts';

export interface ListenHouse {
  readonly port: UpstreamPort;
  readonly logger: Logger;
  readonly handshakeTimeoutMs: number;
  /** The listen request of this text, as it travels now. */
  request(text: string): UpstreamRequest;
  /** Tells the client something that belongs to none of its calls. */
  say(text: string): void;
}

const METHOD_NOT_FOUND = '-32601';

export class SessionListen implements ListenOwner {
  readonly #house: ListenHouse;
  readonly #uris = new Set<string>();
  readonly #reopenTimer = new ReopenTimer(() => void this.#inTurn(() => this.#reopen()));
  /** One change at a time: what is opened next depends on what was honoured before. */
  #turn: Promise<unknown> = Promise.resolve();
  #stream: ListenStream | undefined;
  #isWanted = false;
  #isEnded = false;

  constructor(house: ListenHouse) {
    this.#house = house;
  }

  get subscriptionCount(): number {
    return this.#uris.size;
  }

  /** Somebody reads what belongs to no call. */
  listen(): void {
    if (this.#isWanted || this.#isEnded) return;
    this.#isWanted = true;
    void this.#inTurn(() => (this.#stream === undefined ? this.#reopen(false) : undefined));
  }

  /**
   * @returns the upstream's refusal as JSON text, 'left out' when it will not tell of this resource, undefined when it will
   * Throws AppError as ListenStream does.
   */
  subscribe(uri: string): Promise<string | undefined> {
    return this.#inTurn(async () => {
      if (this.#uris.has(uri) && this.#stream !== undefined) return undefined;
      const next = this.#open([...this.#uris, uri]);
      const reception = await next.reception;
      if ('refusal' in reception) return reception.refusal;
      const isHonoured = reception.honoured.uris.has(uri);
      if (isHonoured) this.#uris.add(uri);
      if (isHonoured || this.#stream === undefined) this.#adopt(next);
      else next.close();
      return isHonoured ? undefined : 'left out';
    });
  }

  unsubscribe(uri: string): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#uris.delete(uri)) return;
      if (this.#uris.size === 0 && !this.#isWanted) {
        this.#drop();
        return;
      }
      try {
        const next = this.#open(this.#uris);
        if ('honoured' in (await next.reception)) this.#adopt(next);
      } catch (error) {
        // The former stream goes on and tells too much: better than nothing.
        this.#house.logger.debug('A subscription could not be narrowed', { internal: toAppError(error).message });
      }
    });
  }

  /** The upstream is reached another way now, or is there again. */
  restart(): void {
    this.#drop();
    if (this.#isNeeded) this.#reopenTimer.plan();
  }

  /** Lets the stream go until `restart`. */
  sleep(): void {
    this.#reopenTimer.cancel();
    this.#drop();
  }

  end(): void {
    this.#isEnded = true;
    this.sleep();
  }

  heard(text: string): void {
    this.#house.say(text);
  }

  broke(stream: ListenStream): void {
    if (stream !== this.#stream) return;
    this.#stream = undefined;
    this.#reopenTimer.lost();
    const { lists, uris } = stream.honoured;
    // One that tells nothing has nothing to go on with.
    if (this.#isNeeded && lists.length + uris.size > 0) this.#reopenTimer.plan();
  }

  get #isNeeded(): boolean {
    return !this.#isEnded && (this.#isWanted || this.#uris.size > 0);
  }

  async #reopen(mayHaveMissed = true): Promise<void> {
    if (!this.#isNeeded || this.#stream !== undefined) return;
    let reception: Reception;
    const next = this.#open(this.#uris);
    try {
      reception = await next.reception;
    } catch (error) {
      this.#house.logger.debug('An upstream could not be listened to', { internal: toAppError(error).message });
      this.#reopenTimer.lost();
      if (this.#isNeeded) this.#reopenTimer.plan();
      return;
    }
    if ('refusal' in reception) {
      this.#reopenTimer.lost();
      if (valueAt(reception.refusal, ['code']) !== METHOD_NOT_FOUND) this.#reopenTimer.plan();
      return;
    }
    this.#adopt(next);
    if (mayHaveMissed)
      for (const list of reception.honoured.lists) this.#house.say(`{"jsonrpc":"2.0","method":"notifications/${list}/list_changed"}`);
  }

  #open(uris: Iterable<string>): ListenStream {
    const { port, handshakeTimeoutMs } = this.#house;
    return new ListenStream(port, this.#house.request(listenText(uris)), this, handshakeTimeoutMs);
  }

  #adopt(next: ListenStream): void {
    const former = this.#stream;
    if (this.#isEnded) {
      next.close();
      return;
    }
    this.#stream = next;
    this.#reopenTimer.cancel();
    this.#reopenTimer.stands();
    former?.close();
  }

  #drop(): void {
    const former = this.#stream;
    this.#stream = undefined;
    former?.close();
  }

  #inTurn<T>(act: () => Promise<T> | T): Promise<T> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}
