// A server with one tool, which asks its client what the call's plan says and gives back what it was answered. Ids of its questions, keys
// and states are chosen to collide: two sessions ask under the same ids, two calls under the same keys.
import { setTimeout as sleep } from 'node:timers/promises';
import { echoIn, question, questionText, type Plan } from './question.ts';

type Json = Record<string, unknown>;

export interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Json;
  readonly result?: unknown;
  readonly error?: unknown;
}

export const ASKING_TOOL = 'ask';
const ABOUT = { capabilities: { tools: {} }, serverInfo: { name: 'asking', version: '1' } };
const TOOLS = [{ name: ASKING_TOOL, inputSchema: { type: 'object' } }];

function given(echoes: readonly string[]): Json {
  return { content: [{ type: 'text', text: JSON.stringify(echoes) }] };
}

function planOf(message: Message): Plan {
  return message.params?.['arguments'] as Plan;
}

/** One session of the older era, whatever carries it. */
export class AskingSession {
  readonly #asked = new Map<number, (answer: unknown) => void>();
  #nextId = 0;

  /** @param send to the client, on the stream of this message where there are several */
  async take(message: Message, send: (message: Json) => void): Promise<void> {
    const { id, method } = message;
    const answer = (result: Json): void => send({ jsonrpc: '2.0', id, result });
    if (method === undefined) {
      const ask = this.#asked.get(message.id as number);
      this.#asked.delete(message.id as number);
      ask?.(message.result ?? { error: message.error });
    } else if (method === 'initialize') answer({ protocolVersion: message.params?.['protocolVersion'], ...ABOUT });
    else if (method === 'tools/list') answer({ tools: TOOLS });
    else if (method === 'tools/call') answer(given(await this.#play(planOf(message), send)));
    else if (method === 'ping') answer({});
    else if (id !== undefined) send({ jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } });
  }

  async #play(plan: Plan, send: (message: Json) => void): Promise<string[]> {
    const echoes: string[] = [];
    for (const [r, round] of plan.rounds.entries()) {
      const answers = round.map(async ({ kind, afterMs }, q) => {
        await sleep(afterMs);
        const id = this.#nextId++;
        const answered = new Promise((resolve) => this.#asked.set(id, resolve));
        send({ jsonrpc: '2.0', id, ...question(kind, questionText(plan, r, q)) });
        return echoIn(await answered);
      });
      echoes.push(...(await Promise.all(answers)));
    }
    return echoes;
  }
}

/** What a request of 2026-07-28 is answered: its result, or undefined when there is no such method. */
export async function answerModern(message: Message): Promise<Json | undefined> {
  const { method, params } = message;
  const cached = { ttlMs: 0, cacheScope: 'private' };
  if (method === 'server/discover') return { resultType: 'complete', supportedVersions: ['2026-07-28'], ...ABOUT, ...cached };
  if (method === 'tools/list') return { resultType: 'complete', tools: TOOLS, ...cached };
  if (method !== 'tools/call') return undefined;
  const plan = planOf(message);
  const state = params?.['requestState'];
  const before = typeof state === 'string' ? (JSON.parse(state) as { nonce: string; round: number; echoes: string[] }) : undefined;
  if (before !== undefined && before.nonce !== plan.nonce) return { resultType: 'complete', ...given([`${plan.nonce} came with ${before.nonce}`]) };
  const answers = (params?.['inputResponses'] ?? {}) as Json;
  const answered = plan.rounds[before?.round ?? -1] ?? [];
  const echoes = [...(before?.echoes ?? []), ...answered.map((_, q) => echoIn(answers[`q${q}`]))];
  const next = (before?.round ?? -1) + 1;
  const round = plan.rounds[next];
  if (round === undefined) return { resultType: 'complete', ...given(echoes) };
  await sleep(Math.max(0, ...round.map(({ afterMs }) => afterMs)));
  return {
    resultType: 'input_required',
    inputRequests: Object.fromEntries(round.map(({ kind }, q) => [`q${q}`, question(kind, questionText(plan, next, q))])),
    requestState: JSON.stringify({ nonce: plan.nonce, round: next, echoes }),
  };
}
