// The calls of one session whose client hears everything on one stream, and finds out itself which call a message is about.
import type { AnswerGate } from './interleaving.ts';
import { echoesOf, isFor, type Json } from './messages.ts';
import type { Plan } from './question.ts';

interface OpenCall {
  readonly plan: Plan;
  readonly gate: AnswerGate;
  readonly answered: PromiseWithResolvers<string[]>;
  isAsked: boolean;
  hasLeft: boolean;
}

export class OpenCalls {
  readonly #calls = new Map<number, OpenCall>();
  /** Ids of questions that wait for their answer; two under one id could not be told apart. */
  readonly #asked = new Set<string>();
  readonly #answer: (asked: Json) => Promise<void>;
  readonly #leave: (id: number) => Promise<void>;

  /**
   * @param answer sends the client's answer to a question
   * @param leave says that the client does not want the answer of this call any more
   */
  constructor(answer: (asked: Json) => Promise<void>, leave: (id: number) => Promise<void>) {
    this.#answer = answer;
    this.#leave = leave;
  }

  begin(id: number, plan: Plan, gate: AnswerGate): Promise<string[]> {
    const call: OpenCall = { plan, gate, answered: Promise.withResolvers(), isAsked: false, hasLeft: false };
    this.#calls.set(id, call);
    // Whoever waits for it hears of its failure, if anybody does.
    call.answered.promise.catch(() => undefined);
    return call.answered.promise;
  }

  /** The stream says this. Throws when it is about no call of this session. */
  take(message: Json): void {
    if (message['method'] === undefined) {
      const id = message['id'] as number;
      const call = this.#calls.get(id);
      if (call === undefined) throw new Error(`No call of this session is answered by ${JSON.stringify(message)}`);
      // One that was left may be answered all the same.
      if (call.hasLeft) return;
      this.#calls.delete(id);
      call.answered.resolve(echoesOf(message, id));
      return;
    }
    // What was asked for a call that was left is taken back.
    if (message['id'] === undefined) return;
    const [number, call] = [...this.#calls].find(([, { plan }]) => isFor(plan, message)) ?? [];
    const id = JSON.stringify(message['id']);
    if (call === undefined || number === undefined) throw new Error(`No call of this session asks ${JSON.stringify(message)}`);
    if (call.hasLeft) return;
    if (this.#asked.has(id)) throw new Error(`Two questions are open under the id ${id}`);
    this.#asked.add(id);
    if (!call.isAsked) call.gate.asked();
    call.isAsked = true;
    this.#reply(message, number, call).catch((error: unknown) => call.answered.reject(error));
  }

  /** Its client has said that it does not want the answer any more. */
  left(id: number): void {
    const call = this.#calls.get(id);
    if (call !== undefined) call.hasLeft = true;
  }

  /** Was this asked for a call that was left? A server on a line may ask on, and then only another call of the session is there to be asked in. */
  isOfLeft(message: Json): boolean {
    return [...this.#calls.values()].some(({ plan, hasLeft }) => hasLeft && isFor(plan, message));
  }

  fail(error: unknown): void {
    for (const { answered } of this.#calls.values()) answered.reject(error);
    this.#calls.clear();
  }

  async #reply(asked: Json, id: number, call: OpenCall): Promise<void> {
    await call.gate.turn();
    this.#asked.delete(JSON.stringify(asked['id']));
    if (!call.plan.leaves) {
      await this.#answer(asked);
      return;
    }
    if (call.hasLeft) return;
    call.hasLeft = true;
    await this.#leave(id);
    call.answered.resolve([]);
  }
}
