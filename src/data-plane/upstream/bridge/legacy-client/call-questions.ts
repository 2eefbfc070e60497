// The questions of one call that its client has not answered yet: asked on the stream of the call under ids of the session, and taken back
// there when nobody wants to know any more.
import { jsonText } from '#base/protocol';
import type { AskingCall, CallHouse } from './call-house.ts';
import type { CallStream } from './call-stream.ts';
import type { Question } from './input-round.ts';

export class CallQuestions {
  readonly #house: Pick<CallHouse, 'asks' | 'forget'>;
  readonly #stream: CallStream;
  /** By their ids. */
  readonly #open = new Map<string, Question>();

  constructor(house: Pick<CallHouse, 'asks' | 'forget'>, stream: CallStream) {
    this.#house = house;
    this.#stream = stream;
  }

  get canAsk(): boolean {
    return this.#house.asks !== undefined;
  }

  ask(call: AskingCall, question: Question): void {
    const id = this.#house.asks?.(call, question);
    if (id === undefined) return;
    this.#open.set(id, question);
    const params = question.params === undefined ? '' : `,"params":${question.params}`;
    this.#stream.say(`{"jsonrpc":"2.0","id":${id},"method":${jsonText(question.method)}${params}}`);
  }

  /** The question of this id, which is open no longer; undefined when it is not. */
  take(id: string): Question | undefined {
    const question = this.#open.get(id);
    this.#open.delete(id);
    return question;
  }

  /** Takes back what is open, and tells the client. */
  withdraw(): void {
    for (const id of this.#open.keys()) {
      this.#house.forget?.(id);
      this.#stream.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":"The call is over"}}`);
    }
    this.#open.clear();
  }

  /** Nobody is there to be told. */
  drop(): void {
    for (const id of this.#open.keys()) this.#house.forget?.(id);
    this.#open.clear();
  }
}
