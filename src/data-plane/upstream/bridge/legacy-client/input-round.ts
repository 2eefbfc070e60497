// What a modern upstream asks in place of an answer (`input_required`, MCP 2026-07-28 "Multi Round-Trip Requests"), as questions that a
// legacy client knows, and what has come back for them. Keys and answers are the upstream's and the client's own texts.
import { AppError, newId } from '#base/kernel';
import { jsonText, mapMembers, removeMember, setMember, TOOLS_IN_SAMPLING_SINCE, valueAt } from '#base/protocol';
import { stringAt } from '../../channel/string-at.ts';
import type { ClientWords } from './client-words.ts';

export interface Question {
  /** What the upstream calls it. */
  readonly key: string;
  readonly method: string;
  /** JSON text; undefined when there are none. */
  readonly params: string | undefined;
}

/** Asked at once. */
export const QUESTIONS_MAX = 1000;
const CANCELLED = '{"action":"cancel"}';

export class InputRound {
  readonly questions: readonly Question[];
  /** JSON text; undefined when the upstream keeps its state itself. */
  readonly #requestState: string | undefined;
  readonly #answers = new Map<string, string>();

  /**
   * @param text the upstream's answer as latin1
   * Throws AppError `upstream.bad_answer` for what is no round, `bridge.capability_missing` for what this client cannot be asked.
   */
  constructor(text: string, words: ClientWords) {
    this.#requestState = valueAt(text, ['result', 'requestState']);
    const asked = new Map<string, string>();
    mapMembers(text, ['result', 'inputRequests'], (key, value) => void asked.set(key, value));
    const isState = this.#requestState === undefined || this.#requestState.startsWith('"');
    if (!isState || (asked.size === 0 && this.#requestState === undefined) || asked.size > QUESTIONS_MAX) {
      throw new AppError('upstream.bad_answer', `The upstream asks for input in a way that cannot be understood (${asked.size} questions).`);
    }
    this.questions = [...asked].map(([key, request]) => questionOf(key, request, words));
  }

  /** Is there nothing to ask, so that the upstream only wants to be called again? */
  get isEmpty(): boolean {
    return this.questions.length === 0;
  }

  get isComplete(): boolean {
    return this.#answers.size === this.questions.length;
  }

  get unanswered(): Question[] {
    return this.questions.filter(({ key }) => !this.#answers.has(key));
  }

  /** @param result what the client answers, as JSON text */
  answered({ key }: Question, result: string): void {
    this.#answers.set(key, result);
  }

  /** Nobody was there, or the client could not ask. @returns false for what cannot be declined in words */
  declined(question: Question): boolean {
    if (question.method !== 'elicitation/create') return false;
    this.#answers.set(question.key, CANCELLED);
    return true;
  }

  /**
   * The request that is sent again with the answers.
   * @param text as it was sent first, with its envelope
   * @param id a new one, as JSON text
   */
  retry(text: string, id: string): string {
    const answers = [...this.#answers].map(([key, result]) => `${jsonText(key)}:${result}`).join(',');
    let again = setMember(text, ['id'], id);
    again = this.isEmpty ? removeMember(again, ['params', 'inputResponses']) : setMember(again, ['params', 'inputResponses'], `{${answers}}`);
    return this.#requestState === undefined
      ? removeMember(again, ['params', 'requestState'])
      : setMember(again, ['params', 'requestState'], this.#requestState);
  }
}

/**
 * @param key what the upstream calls it
 * @param request the entry of `inputRequests`, as JSON text
 * Throws AppError as InputRound does.
 */
export function questionOf(key: string, request: string, words: ClientWords): Question {
  const method = stringAt(request, ['method']) ?? '';
  const params = valueAt(request, ['params']);
  const needed = neededFor(method, params ?? '{}');
  if (needed === undefined || (params !== undefined && !params.startsWith('{'))) {
    throw new AppError('upstream.bad_answer', `The upstream asks something that no client knows: ${method.slice(0, 200)}`);
  }
  if (!isDeclared(words.capabilities, needed)) {
    throw new AppError('bridge.capability_missing', `The upstream has to ask the client for ${needed.join('.')}, which it does not declare.`, {
      data: { requiredCapabilities: needed.reduceRight((inner, name) => ({ [name]: inner }), {}) },
    });
  }
  if (stringAt(params ?? '{}', ['mode']) !== 'url' || words.version < TOOLS_IN_SAMPLING_SINCE) return { key, method, params };
  return { key, method, params: setMember(params ?? '{}', ['elicitationId'], jsonText(newId())) };
}

/** The capability that a client needs to be asked this; undefined for what no client can be asked. */
function neededFor(method: string, params: string): readonly string[] | undefined {
  switch (method) {
    case 'elicitation/create':
      return ['elicitation', stringAt(params, ['mode']) === 'url' ? 'url' : 'form'];
    case 'sampling/createMessage':
      return valueAt(params, ['tools']) === undefined ? ['sampling'] : ['sampling', 'tools'];
    case 'roots/list':
      return ['roots'];
    default:
      return undefined;
  }
}

function isDeclared(capabilities: string, [name = '', ...inner]: readonly string[]): boolean {
  const declared = valueAt(capabilities, [name]);
  if (declared === undefined) return false;
  const [mode] = inner;
  if (mode === undefined) return true;
  // An elicitation capability that names no mode means forms.
  if (mode === 'form' && valueAt(declared, ['url']) === undefined) return true;
  return valueAt(declared, [mode]) !== undefined;
}
