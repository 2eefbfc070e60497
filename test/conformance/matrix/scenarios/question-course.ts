// A call with questions in the middle of it, as data: what is called, what is asked, what comes out.
import { expectIn } from '../difference.ts';
import type { Json, Outcome } from '../player.ts';
import type { Cell } from '../revisions.ts';
import { eraOf } from '../revisions.ts';
import type { Needs, Scenario } from '../scenario.ts';

export const topic = 'questions in the middle of a call';
export const FORMS: Needs = { client: '2025-06-18', upstream: '2025-06-18' };
export const URLS: Needs = { client: '2025-11-25', upstream: '2025-11-25' };

/** What a client has said of its roots holds for its later calls, where it cannot be told which of them is asking (protocol.md 2.2). */
const isKnown = ({ client, upstream, transport }: Cell, { method }: { method: string }) =>
  method === 'roots/list' && eraOf(client) === 'modern' && eraOf(upstream) === 'legacy' && transport !== 'streamable HTTP';

export interface Course {
  readonly id: string;
  readonly says: string;
  readonly tool: string;
  readonly args?: Json;
  readonly needs?: Needs;
  /** The text of the result. */
  readonly text: string;
  /** Methods of what was asked, in any order; parts of their params under `params`. */
  readonly asked: readonly { readonly method: string; readonly params?: Json }[];
}

/** A call with its questions, and what they were. */
export function course({ id, says, tool, args = {}, needs = {}, text, asked }: Course): Scenario {
  return {
    id,
    topic,
    says,
    needs,
    async play(stage) {
      const outcome = await stage.call(tool, args);
      expectIn(outcome.result ?? { error: outcome.error }, { content: [{ type: 'text', text }] });
      expectQuestions(stage.cell, outcome, asked);
    },
  };
}

export function expectQuestions(cell: Cell, { asked }: Outcome, expected: Course['asked']): void {
  const byMethod = (list: Course['asked']) =>
    list.filter((each) => !isKnown(cell, each)).toSorted((a, b) => (a.method < b.method ? -1 : a.method > b.method ? 1 : 0));
  expectIn(byMethod(asked), byMethod(expected), 'asked');
}

export const sampled = (text: string, more: Json = {}) => ({
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: { type: 'text', text } }], ...more },
});
export const form = (message: string) => ({ method: 'elicitation/create', params: { message, requestedSchema: { type: 'object' } } });
export const roots = { method: 'roots/list' };
