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
  readonly round: string;
  readonly binding: string;
  readonly timer: NodeJS.Timeout;
}

export class ParkedCalls {
  readonly #places = new Map<string, Place>();
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

  get isFull(): boolean {
    return this.#places.size >= this.#max;
  }

  /** @returns what the state of this round refers to */
  park(call: Parked, binding: string): { readonly callId: string; readonly round: string; readonly expiresAtMs: number } {
    const callId = newSecretId();
    const round = newSecretId().slice(0, 12);
    const timer = setTimeout(() => {
      this.#places.delete(callId);
      this.#expired++;
      call.giveUp(true);
    }, this.#ttlMs);
    timer.unref();
    this.#places.set(callId, { call, round, binding, timer });
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

  #leave(callId: string, { timer }: Place): void {
    clearTimeout(timer);
    this.#places.delete(callId);
  }
}
