// What a running task has asked and nobody has answered yet. The client knows each question by a key that means nothing else for as long as
// the task lives; the upstream knows it by the id of its request, or by several when it asked again on another stream.
import { jsonText, mapMembers, type Envelope } from '#base/protocol';
import { answerText, questionOf, type Question } from '../modern-client/question.ts';
import { unrelated } from './task-forms.ts';

const OPEN_MAX = 100;

interface OpenQuestion {
  readonly text: string;
  readonly asked: Question[];
}

export class TaskQuestions {
  readonly #open = new Map<string, OpenQuestion>();
  #count = 0;

  /** `inputRequests`; undefined when nothing is open. */
  get text(): string | undefined {
    if (this.#open.size === 0) return undefined;
    return `{${[...this.#open].map(([key, { text }]) => `${jsonText(key)}:${text}`).join(',')}}`;
  }

  /** @returns false when too much is open already */
  note(envelope: Envelope, text: string): boolean {
    const question = questionOf(envelope, unrelated(text), `question-${this.#count + 1}`);
    for (const open of this.#open.values()) {
      if (open.text !== question.text) continue;
      if (open.asked.length >= OPEN_MAX) return false;
      open.asked.push(question);
      return true;
    }
    if (this.#open.size >= OPEN_MAX) return false;
    this.#count++;
    this.#open.set(question.key, { text: question.text, asked: [question] });
    return true;
  }

  /**
   * @param responses bare results by key, as JSON text; what answers no open question is ignored
   * @returns the responses for the upstream
   */
  answer(responses: string): string[] {
    const answers: string[] = [];
    mapMembers(responses, [], (key, answer) => {
      const open = answer.startsWith('{') ? this.#open.get(key) : undefined;
      this.#open.delete(open === undefined ? '' : key);
      for (const question of open?.asked ?? []) answers.push(answerText(question, answer));
      return undefined;
    });
    return answers;
  }

  /** The upstream no longer wants to know. @returns whether something is open no more */
  takenBack(id: string | undefined): boolean {
    const before = this.#open.size;
    for (const [key, { asked }] of this.#open) {
      const at = asked.findIndex((question) => question.id === id);
      if (at !== -1) asked.splice(at, 1);
      if (asked.length === 0) this.#open.delete(key);
    }
    return this.#open.size < before;
  }

  clear(): void {
    this.#open.clear();
  }
}
