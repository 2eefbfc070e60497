// What the upstream has asked in one call and the client has not answered yet. Each question has a key of its own for the life of the call.
import { valueAt, type Envelope } from '#base/protocol';
import type { ClientLeg } from './client-leg.ts';
import type { Place } from './leg-book.ts';
import type { ModernParts } from './modern-parts.ts';
import { answerText, questionOf, unansweredText, type Question } from './question.ts';

const OPEN_MAX = 100;
/** Of all that wait in one call; what is asked is kept for as long as a person takes to answer. */
const OPEN_BYTES_MAX = 16 * 1024 * 1024;

export class OpenQuestions {
  readonly #parts: ModernParts;
  readonly #place: Place;
  readonly #open = new Map<string, Question>();
  #count = 0;

  constructor(parts: ModernParts, place: Place) {
    this.#parts = parts;
    this.#place = place;
  }

  get isEmpty(): boolean {
    return this.#open.size === 0;
  }

  hasRoomFor(text: string): boolean {
    let sizeBytes = text.length;
    for (const open of this.#open.values()) sizeBytes += open.text.length;
    return this.#open.size < OPEN_MAX && sizeBytes <= OPEN_BYTES_MAX;
  }

  /** `inputRequests` as JSON text. */
  get requests(): string {
    return `{${[...this.#open.values()].map(({ key, text }) => `"${key}":${text}`).join(',')}}`;
  }

  ask(envelope: Envelope, text: string): void {
    this.#add(questionOf(envelope, text, this.#newKey()));
  }

  /** Questions that had to wait for a call. */
  take(held: readonly Question[]): void {
    for (const question of held) this.#add({ ...question, key: this.#newKey() });
  }

  /** Sends on what a retry answers; what is missing, or no result, stays open. @param text the retry as latin1 */
  answer(text: string, leg: ClientLeg | undefined): void {
    const { upstream, request, declared } = this.#place;
    for (const [key, question] of this.#open) {
      const answer = valueAt(text, ['params', 'inputResponses', key]);
      if (answer?.startsWith('{') !== true) continue;
      this.#open.delete(key);
      if (question.method === 'roots/list') this.#parts.legs.roots.note(upstream.id, request.caller?.key ?? '', declared.capabilities, answer);
      leg?.answer(answerText(question, answer));
      this.#parts.questionOver(this.#place, question, 'ok');
    }
  }

  /** The upstream no longer wants to know. @param id its own, as it is written */
  takenBack(id: string | undefined): void {
    for (const [key, question] of this.#open) {
      if (question.id !== id) continue;
      this.#open.delete(key);
      this.#parts.questionOver(this.#place, question, 'cancelled');
    }
  }

  /** Nobody will answer any more. */
  giveUp(leg: ClientLeg | undefined, why: string, outcome: 'cancelled' | 'expired'): void {
    for (const question of this.#open.values()) {
      leg?.answer(unansweredText(question, why));
      this.#parts.questionOver(this.#place, question, outcome);
    }
    this.#open.clear();
  }

  /** The call is over without them. */
  clear(): void {
    for (const question of this.#open.values()) this.#parts.questionOver(this.#place, question, 'cancelled');
    this.#open.clear();
  }

  #newKey(): string {
    return `ask-${++this.#count}`;
  }

  #add(question: Question): void {
    this.#open.set(question.key, question);
  }
}
