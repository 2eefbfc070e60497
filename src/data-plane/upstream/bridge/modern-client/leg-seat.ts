// The place of one call in a session with its upstream: taken when there is one, left when the call is over.
import { toAppError } from '#base/kernel';
import type { Envelope } from '#base/protocol';
import type { UpstreamRequest } from '#data-plane/gateway';
import type { ClientLeg, LegCall } from './client-leg.ts';
import type { LegBook, Place } from './leg-book.ts';
import { UpstreamAnswer, type AnswerReader } from './upstream-answer.ts';

export class LegSeat {
  readonly place: Place;
  readonly #legs: LegBook;
  /** The session is this call's alone, for as long as it lasts. */
  readonly #isOwn: boolean;
  #leg: ClientLeg | undefined;
  #id = '';
  #notWaiting: (() => void) | undefined;

  constructor(legs: LegBook, place: Place, isOwn: boolean) {
    this.#legs = legs;
    this.place = place;
    this.#isOwn = isOwn;
  }

  /** Undefined while the call waits for a session, and for one that never got there. */
  get leg(): ClientLeg | undefined {
    return this.#leg;
  }

  /** What the upstream knows the call by; '' before. */
  get id(): string {
    return this.#id;
  }

  /** @param isOpen called when requests can be sent, now or later */
  take(call: LegCall & Pick<AnswerReader, 'failed'>, isOpen: () => void): void {
    const given = (leg: ClientLeg): void => {
      this.#notWaiting = undefined;
      this.#leg = leg;
      this.#id = leg.leg.newId();
      leg.begin(call);
      if (leg.leg.isOpen) {
        isOpen();
        return;
      }
      leg.leg
        .ready()
        .then(isOpen)
        .catch((error: unknown) => {
          leg.isSpoilt = true;
          call.failed(toAppError(error));
        });
    };
    if (this.#isOwn) this.#notWaiting = this.#legs.checkOut(this.place, given);
    else given(this.#legs.shared(this.place));
  }

  /** Sends a request in this session; what comes of it the reader is told, whatever goes wrong. */
  ask(
    reader: AnswerReader,
    text: string,
    message: Envelope,
    more: Pick<UpstreamRequest, 'lane' | 'isSafeToRepeat'> & { headers?: readonly string[] },
  ): UpstreamAnswer | undefined {
    const session = this.#leg?.leg;
    if (session === undefined) return undefined;
    const answer = new UpstreamAnswer(this.place.upstream, session, reader);
    try {
      answer.send((sink) => session.send(Buffer.from(text, 'latin1'), message, sink, more));
    } catch (error) {
      reader.failed(toAppError(error));
    }
    return answer;
  }

  /** The call waits for its client: meanwhile others may run. */
  parked(): void {
    if (this.#isOwn) this.#legs.parked(this.place);
  }

  resumed(): void {
    if (this.#isOwn) this.#legs.resumed(this.place);
  }

  /**
   * The call is over.
   * @param isWorking the upstream may still be at work on it
   * @param isKept the session goes on with what the call has made, until `release()`
   */
  leave(call: LegCall, { isWorking, isParked, isKept }: { readonly isWorking: boolean; readonly isParked: boolean; readonly isKept: boolean }): void {
    this.#notWaiting?.();
    const leg = this.#leg;
    if (leg === undefined) return;
    leg.finish(call);
    if (!this.#isOwn) return;
    // What it may still ask is asked for nobody: not in the middle of another call. A line is worth more, with all that its server holds.
    if (isWorking && this.place.upstream.row.transport === 'STREAMABLEHTTP') leg.isSpoilt = true;
    if (isKept) this.#legs.parked(this.place);
    else this.#legs.checkIn(this.place, leg, isParked);
  }

  /** How the session is given back in the end by what goes on in it; keeps nothing of the message that made it, which may be large. */
  get release(): () => void {
    const leg = this.#leg;
    if (!this.#isOwn || leg === undefined) return () => undefined;
    const legs = this.#legs;
    const place = { ...this.place, request: { ...this.place.request, body: undefined } };
    return () => legs.checkIn(place, leg, true);
  }
}
