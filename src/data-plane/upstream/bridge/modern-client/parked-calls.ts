// Calls that wait for their client to come back with answers. Each waits a bounded time, and there are boundedly many; one that nobody
// comes back for is given up, which frees what it holds at its upstream (checklist 48).
import { newSecretId } from '#base/kernel';
import type { AnswerSink, UpstreamCall, UpstreamRequest } from '#data-plane/gateway';

export interface Parked {
  /** Its client is back. @param text the request as latin1 */
  resume(request: UpstreamRequest, text: string, sink: AnswerSink): UpstreamCall;
  /** Its time is over, or what it waits at is no more: everything it holds has to go. */
  giveUp(isExpired: boolean): void;
  readonly upstreamId: string;
}

export interface ParkedCounts {
  /** Waiting now. */
  readonly waiting: number;
  /** Since the start: parked, taken up again, and given up because nobody came. */
  readonly parked: number;
  readonly resumed: number;
  readonly expired: number;
}

interface Place {
  readonly call: Parked;
  readonly callerKey: string;
  readonly round: string;
  readonly binding: string;
  readonly timer: NodeJS.Timeout;
}

export class ParkedCalls {
  readonly #places = new Map<string, Place>();
  /** How many each caller has. */
  readonly #byCaller = new Map<string, number>();
  readonly #ttlMs: number;
  readonly #max: number;
  #parked = 0;
  #resumed = 0;
  #expired = 0;

  constructor(ttlMs: number, max: number) {
    this.#ttlMs = ttlMs;
    this.#max = max;
  }

  get counts(): ParkedCounts {
    return { waiting: this.#places.size, parked: this.#parked, resumed: this.#resumed, expired: this.#expired };
  }

  /** Is there a place for another call of this caller? One caller leaves a quarter of the places to others. */
  hasRoom(callerKey: string): boolean {
    const own = this.#byCaller.get(callerKey) ?? 0;
    return this.#places.size < this.#max && own < this.#max - Math.floor(this.#max / 4);
  }

  /** @returns what the state of this round refers to */
  park(call: Parked, callerKey: string, binding: string): { readonly callId: string; readonly round: string; readonly expiresAtMs: number } {
    const callId = newSecretId();
    const round = newSecretId().slice(0, 12);
    const timer = setTimeout(() => {
      this.#leave(callId, place);
      this.#expired++;
      call.giveUp(true);
    }, this.#ttlMs);
    timer.unref();
    const place: Place = { call, callerKey, round, binding, timer };
    this.#places.set(callId, place);
    this.#byCaller.set(callerKey, (this.#byCaller.get(callerKey) ?? 0) + 1);
    this.#parked++;
    return { callId, round, expiresAtMs: Date.now() + this.#ttlMs };
  }

  /** The call that waits in this place, for this round of it and this caller's request; it waits no longer. */
  take(callId: string, round: string, binding: string): Parked | undefined {
    const place = this.#places.get(callId);
    if (place === undefined || place.round !== round || place.binding !== binding) return undefined;
    this.#leave(callId, place);
    this.#resumed++;
    return place.call;
  }

  /** Gives up what waits at an upstream that is no more. */
  keepOnly(isThere: (upstreamId: string) => boolean): void {
    for (const [callId, place] of this.#places) {
      if (isThere(place.call.upstreamId)) continue;
      this.#leave(callId, place);
      place.call.giveUp(false);
    }
  }

  close(): void {
    this.keepOnly(() => false);
  }

  #leave(callId: string, { timer, callerKey }: Place): void {
    clearTimeout(timer);
    this.#places.delete(callId);
    const left = (this.#byCaller.get(callerKey) ?? 1) - 1;
    if (left > 0) this.#byCaller.set(callerKey, left);
    else this.#byCaller.delete(callerKey);
  }
}
