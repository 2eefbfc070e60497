// What one legacy session wants to be told: changes of lists, and of the resources it has subscribed to. The filter of a listen stream
// cannot be changed, so a subscription opens another stream and then ends the former (protocol.md 2.3); a stream that breaks is opened
// again after a pause, and the client told that lists and resources may be others, since something may have been missed.
import { AppError, toAppError, type Logger } from '#base/kernel';
import { jsonText, valueAt } from '#base/protocol';
import type { UpstreamPort, UpstreamRequest } from '#data-plane/gateway';
import { ReopenTimer } from '../../channel/reopen-timer.ts';
import { RESOURCE_UPDATED } from '../../listen-words.ts';
import { ListenStream, listenText, type Honoured, type ListenOwner, type Reception } from './listen-stream.ts';

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
const SUBSCRIPTIONS_MAX = 1000;

export class SessionListen implements ListenOwner {
  readonly #house: ListenHouse;
  readonly #uris = new Set<string>();
  readonly #reopenTimer = new ReopenTimer(() => void this.#inTurn(() => this.#reopen()));
  /** One change at a time: what is opened next depends on what was honoured before. */
  #turn: Promise<unknown> = Promise.resolve();
  #stream: ListenStream | undefined;
  /** Opened, and not acknowledged yet. */
  #opening: ListenStream | undefined;
  #isWanted = false;
  #isAsleep = false;
  #isEnded = false;
  /** What was told stopped being told for a while. */
  #hasMissed = false;

  constructor(house: ListenHouse) {
    this.#house = house;
  }

  /** Somebody reads what belongs to no call. */
  listen(): void {
    if (this.#isWanted || this.#isEnded) return;
    this.#isWanted = true;
    void this.#inTurn(() => (this.#stream === undefined ? this.#reopen() : undefined));
  }

  /**
   * @returns the refusal as JSON text, 'left out' when the upstream will not tell of this resource, undefined when it will
   * Throws AppError as ListenStream does.
   */
  subscribe(uri: string): Promise<string | undefined> {
    return this.#inTurn(async () => {
      if (this.#isEnded) throw new AppError('upstream.connection_lost', 'The session has ended.');
      if (this.#uris.has(uri) && this.#stream !== undefined) return undefined;
      // Counted in turn: many may be asked for at once.
      if (this.#uris.size >= SUBSCRIPTIONS_MAX && !this.#uris.has(uri)) {
        return jsonText({ code: -32602, message: `This session has ${SUBSCRIPTIONS_MAX} subscriptions, as many as it may.` });
      }
      const next = this.#open(new Set([...this.#uris, uri]));
      const reception = await next.reception;
      if ('refusal' in reception) return reception.refusal;
      const isHonoured = reception.honoured.uris.has(uri);
      if (isHonoured || (this.#stream === undefined && this.#isNeeded)) this.#adopt(next);
      else next.close();
      if (isHonoured) this.#uris.add(uri);
      return isHonoured ? undefined : 'left out';
    });
  }

  unsubscribe(uri: string): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#uris.delete(uri)) return;
      if (this.#uris.size === 0 && !this.#isWanted) {
        this.#drop();
        this.#hasMissed = false;
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
    this.#isAsleep = false;
    this.#drop();
    if (this.#isNeeded) this.#reopenTimer.plan();
  }

  /** Lets the stream go until `restart`. */
  sleep(): void {
    this.#isAsleep = true;
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
    this.#hasMissed = true;
    this.#reopenTimer.lost();
    const { lists, uris } = stream.honoured;
    // One that tells nothing has nothing to go on with.
    if (this.#isNeeded && lists.length + uris.size > 0) this.#reopenTimer.plan();
  }

  get #isNeeded(): boolean {
    return !this.#isEnded && !this.#isAsleep && (this.#isWanted || this.#uris.size > 0);
  }

  async #reopen(): Promise<void> {
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
  }

  #open(uris: Iterable<string>): ListenStream {
    const { port, handshakeTimeoutMs } = this.#house;
    this.#opening = new ListenStream(port, this.#house.request(listenText(uris)), this, handshakeTimeoutMs);
    return this.#opening;
  }

  #adopt(next: ListenStream): void {
    const former = this.#stream;
    this.#opening = undefined;
    this.#stream = next;
    this.#reopenTimer.cancel();
    this.#reopenTimer.stands();
    former?.close();
    if (this.#hasMissed) this.#tellMissed(next.honoured);
    // It may have ended as soon as it was acknowledged.
    if (next.isOver) this.broke(next);
  }

  #tellMissed({ lists, uris }: Honoured): void {
    this.#hasMissed = false;
    for (const list of lists) this.#house.say(`{"jsonrpc":"2.0","method":"notifications/${list}/list_changed"}`);
    for (const uri of this.#uris)
      if (uris.has(uri)) this.#house.say(`{"jsonrpc":"2.0","method":"${RESOURCE_UPDATED}","params":${jsonText({ uri })}}`);
  }

  /** One that is being opened too: it leads where the upstream was. */
  #drop(): void {
    const former = this.#stream;
    const opening = this.#opening;
    this.#stream = undefined;
    this.#opening = undefined;
    this.#hasMissed ||= former !== undefined;
    former?.close();
    opening?.close();
  }

  #inTurn<T>(act: () => Promise<T> | T): Promise<T> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}
