// Questions that say whose they are, and answers that say what they answer and who gave them: whatever is crossed on the way shows.

export const KINDS = ['elicitation', 'sampling', 'roots'] as const;
export type Kind = (typeof KINDS)[number];

/** What a call is to ask of its client: rounds one after the other, the questions of a round at once. */
export interface Plan {
  /** No other call has it. */
  readonly nonce: string;
  /** Its client goes away instead of answering. */
  readonly leaves: boolean;
  readonly rounds: readonly (readonly { readonly kind: Kind; readonly afterMs: number }[])[];
}

export interface Question {
  readonly method: string;
  readonly params: object;
}

type Json = Record<string, unknown>;

const TEXT_KEY = 'example.com/text';

export function questionText(plan: Plan, round: number, index: number): string {
  return `${plan.nonce} r${round} q${index}`;
}

export function question(kind: Kind, text: string): Question {
  if (kind === 'elicitation') {
    const requestedSchema = { type: 'object', properties: { echo: { type: 'string' } } };
    return { method: 'elicitation/create', params: { message: text, requestedSchema } };
  }
  if (kind === 'sampling')
    return { method: 'sampling/createMessage', params: { messages: [{ role: 'user', content: { type: 'text', text } }], maxTokens: 10 } };
  return { method: 'roots/list', params: { _meta: { [TEXT_KEY]: text } } };
}

/** What was asked, as the client sees it. Throws when it is no question of ours. */
export function textAsked({ method, params }: { readonly method?: unknown; readonly params?: unknown }): string {
  const of = (params ?? {}) as Json;
  const texts: Record<string, unknown> = {
    'elicitation/create': of['message'],
    'sampling/createMessage': (of['messages'] as { content: { text: string } }[] | undefined)?.[0]?.content.text,
    'roots/list': (of['_meta'] as Json | undefined)?.[TEXT_KEY],
  };
  const text = texts[String(method)];
  if (typeof text !== 'string') throw new Error(`Nobody asks ${JSON.stringify({ method, params })}`);
  return text;
}

/** The client's answer to it. */
export function answerTo(asked: { readonly method?: unknown; readonly params?: unknown }, who: string): object {
  const echo = echoed(textAsked(asked), who);
  if (asked.method === 'elicitation/create') return { action: 'accept', content: { echo } };
  if (asked.method === 'sampling/createMessage') return { role: 'assistant', model: 'm', content: { type: 'text', text: echo } };
  return { roots: [{ uri: `file:///${encodeURIComponent(echo)}` }] };
}

function echoed(text: string, who: string): string {
  return `${text} answered by ${who}`;
}

/** What an answer says, as the server reads it; an answer that is none of ours is shown as it is. */
export function echoIn(answer: unknown): string {
  const { content, roots } = (answer ?? {}) as { content?: { echo?: string; text?: string }; roots?: { uri: string }[] };
  const uri = roots?.[0]?.uri;
  return content?.echo ?? content?.text ?? (uri === undefined ? JSON.stringify(answer) : decodeURIComponent(uri.slice('file:///'.length)));
}

/** What the call of this plan has to give when nothing was crossed; nothing to a client that has left. */
export function expectedEchoes(plan: Plan, who: string): string[] {
  if (plan.leaves) return [];
  return plan.rounds.flatMap((round, r) => round.map((_, q) => echoed(questionText(plan, r, q), who)));
}
