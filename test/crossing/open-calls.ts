// The calls of one session whose client hears everything on one stream, and finds out itself which call a message is about.
import type { AnswerGate } from './interleaving.ts';
import { echoesOf, isFor, type Json } from './messages.ts';
import type { Plan } from './question.ts';

interface OpenCall {
  readonly plan: Plan;
  readonly gate: AnswerGate;
  readonly answered: PromiseWithResolvers<string[]>;
  isAsked: boolean;
}

export class OpenCalls {
  readonly #calls = new Map<number, OpenCall>();
  /** Ids of questions that wait for their answer; two under one id could not be told apart. */
  readonly #asked = new Set<string>();
  readonly #answer: (asked: Json) => Promise<void>;

  /** @param answer sends the client's answer to a question */
  constructor(answer: (asked: Json) => Promise<void>) {
    this.#answer = answer;
  }

  begin(id: number, plan: Plan, gate: AnswerGate): Promise<string[]> {
    const call: OpenCall = { plan, gate, answered: Promise.withResolvers(), isAsked: false };
    this.#calls.set(id, call);
    return call.answered.promise;
  }

  /** The stream says this. Throws when it is about no call of this session. */
  take(message: Json): void {
    if (message['method'] === undefined) {
      const id = message['id'] as number;
      const call = this.#calls.get(id);
      if (call === undefined) throw new Error(`No call of this session is answered by ${JSON.stringify(message)}`);
      this.#calls.delete(id);
      call.answered.resolve(echoesOf(message, id));
      return;
    }
    const call = [...this.#calls.values()].find(({ plan }) => isFor(plan, message));
    const id = JSON.stringify(message['id']);
    if (call === undefined) throw new Error(`No call of this session asks ${JSON.stringify(message)}`);
    if (this.#asked.has(id)) throw new Error(`Two questions are open under the id ${id}`);
    this.#asked.add(id);
    if (!call.isAsked) call.gate.asked();
    call.isAsked = true;
    this.#reply(message, call).catch((error: unknown) => call.answered.reject(error));
  }

  fail(error: unknown): void {
    for (const { answered } of this.#calls.values()) answered.reject(error);
    this.#calls.clear();
  }

  async #reply(asked: Json, { gate }: OpenCall): Promise<void> {
    await gate.turn();
    this.#asked.delete(JSON.stringify(asked['id']));
    await this.#answer(asked);
  }
}
