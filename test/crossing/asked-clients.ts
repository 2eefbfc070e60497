// Clients that are asked in the middle of their calls, one for each way to be asked: on the streams of calls, on the one stream of
// HTTP+SSE, by `input_required`. They answer in their own time, and know at once a question that is not theirs.
import { modern, getStream, notification, openSession, post, request, toolCall, type ClientSession, type Door } from '../e2e/checklist/doors.ts';
import { SseClient } from '../e2e/checklist/sse-client.ts';
import type { OpenAnswer } from '../e2e/checklist/wire.ts';
import type { AnswerGate } from './interleaving.ts';
import { echoesOf, isFor, type Json } from './messages.ts';
import { OpenCalls } from './open-calls.ts';
import { answerTo, type Plan } from './question.ts';

export interface AskedClient {
  /** What the server says it was answered. Throws at the first question that is not this call's. */
  call(id: number, plan: Plan, gate: AnswerGate): Promise<string[]>;
  close(): Promise<void>;
}

export const CAPABILITIES = { sampling: {}, elicitation: {}, roots: {} };

/** Asked on the streams of its calls, or, by a server that has but one line to it, on the stream that belongs to no call. */
export class SessionClient implements AskedClient {
  readonly #session: ClientSession;
  readonly #who: string;
  readonly #tool: string;
  readonly #listening: OpenAnswer;
  readonly #calls: OpenCalls;

  constructor(session: ClientSession, who: string, tool: string, listening: OpenAnswer) {
    this.#session = session;
    this.#who = who;
    this.#tool = tool;
    this.#listening = listening;
    this.#calls = new OpenCalls(
      (asked) => this.#answer(asked),
      (id) => this.#leave(id),
    );
    if (listening.isStream) this.#listen().catch((error: unknown) => this.#calls.fail(error));
  }

  static async open(door: Door, who: string, tool: string): Promise<SessionClient> {
    const session = await openSession(door, '2025-11-25', CAPABILITIES);
    return new SessionClient(session, who, tool, await getStream(session));
  }

  async call(id: number, plan: Plan, gate: AnswerGate): Promise<string[]> {
    const apart = this.#calls.begin(id, plan, gate);
    const stream = await post(this.#session, toolCall(id, this.#tool, plan));
    const left = Promise.withResolvers<string[]>();
    return Promise.race([apart, left.promise, this.#read(stream, id, plan, gate, left)]);
  }

  async close(): Promise<void> {
    this.#listening.close();
    await (await fetch(this.#session.url, { method: 'DELETE', headers: this.#session.headers })).text();
  }

  async #listen(): Promise<void> {
    for (let text = await this.#listening.message(); text !== undefined; text = await this.#listening.message())
      this.#calls.take(JSON.parse(text) as Json);
  }

  async #read(stream: OpenAnswer, id: number, plan: Plan, gate: AnswerGate, left: PromiseWithResolvers<string[]>): Promise<string[]> {
    let isAsked = false;
    if (!stream.isStream) return echoesOf(await stream.answer(), id);
    for (let text = await stream.message(); text !== undefined; text = await stream.message()) {
      const message = JSON.parse(text) as Json;
      if (message['method'] === undefined) return echoesOf(message, id);
      if (message['id'] === undefined) continue;
      if (this.#calls.isOfLeft(message)) continue;
      if (!isFor(plan, message)) throw new Error(`The call ${plan.nonce} was asked ${text}`);
      if (!isAsked) gate.asked();
      else if (plan.leaves) continue;
      isAsked = true;
      const replied = plan.leaves
        ? gate.turn().then(async () => {
            await this.#leave(id);
            left.resolve([]);
            stream.close();
          })
        : gate.turn().then(() => this.#answer(message));
      replied.catch(left.reject);
    }
    // That of a call that was cancelled may end, or go on.
    if (plan.leaves && isAsked) return left.promise;
    throw new Error(`The stream of ${plan.nonce} has ended without an answer`);
  }

  async #leave(id: number): Promise<void> {
    this.#calls.left(id);
    await post(this.#session, notification('notifications/cancelled', { requestId: id }));
  }

  async #answer(asked: Json): Promise<void> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: asked['id'], result: answerTo(asked, this.#who) });
    const { status } = await post(this.#session, body);
    if (status !== 202) throw new Error(`An answer was met with ${status}`);
  }
}

/** Asked on the one stream that everything comes on. */
export class StreamClient implements AskedClient {
  readonly #client: SseClient;
  readonly #tool: string;
  readonly #calls: OpenCalls;

  constructor(client: SseClient, who: string, tool: string) {
    this.#client = client;
    this.#tool = tool;
    this.#calls = new OpenCalls(
      (asked) => client.send(JSON.stringify({ jsonrpc: '2.0', id: asked['id'], result: answerTo(asked, who) })),
      (id) => client.send(notification('notifications/cancelled', { requestId: id })),
    );
    this.#listen().catch((error: unknown) => this.#calls.fail(error));
  }

  static async open(door: Door, who: string, tool: string): Promise<StreamClient> {
    const client = await SseClient.open(door.url.replace(/mcp$/, 'sse'), { ...door.headers });
    const params = { protocolVersion: '2025-11-25', capabilities: CAPABILITIES, clientInfo: { name: who, version: '1' } };
    await client.send(request('opens', 'initialize', params));
    await client.next();
    await client.send(notification('notifications/initialized'));
    return new StreamClient(client, who, tool);
  }

  async call(id: number, plan: Plan, gate: AnswerGate): Promise<string[]> {
    const answered = this.#calls.begin(id, plan, gate);
    await this.#client.send(toolCall(id, this.#tool, plan));
    return answered;
  }

  close(): Promise<void> {
    this.#client.stream.close();
    return Promise.resolve();
  }

  async #listen(): Promise<void> {
    for (;;) this.#calls.take(await this.#client.next());
  }
}

const ROUNDS_MAX = 30;
/** So few that calls which run at once share them, as those of different clients do. */
const IDS = 50;

/** Has no session; asked by results that want more. */
export class ModernClient implements AskedClient {
  readonly #door: Door;
  readonly #who: string;
  readonly #tool: string;

  constructor(door: Door, who: string, tool: string) {
    this.#door = door;
    this.#who = who;
    this.#tool = tool;
  }

  async call(number: number, plan: Plan, gate: AnswerGate): Promise<string[]> {
    let more: object = {};
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const id = (number + round) % IDS;
      const params = { name: this.#tool, arguments: plan, ...more };
      const answer = await (await modern(this.#door, 'tools/call', params, { id, capabilities: CAPABILITIES })).answer();
      const result = (answer['result'] ?? {}) as { resultType?: string; inputRequests?: Record<string, Json>; requestState?: string };
      if (result.resultType !== 'input_required') return echoesOf(answer, id);
      const asked = Object.entries(result.inputRequests ?? {});
      if (asked.length === 0 || !asked.every(([, each]) => isFor(plan, each))) throw new Error(`${plan.nonce} was asked ${JSON.stringify(result)}`);
      if (round === 0) gate.asked();
      await gate.turn();
      if (plan.leaves) return [];
      const inputResponses = Object.fromEntries(asked.map(([key, each]) => [key, answerTo(each, this.#who)]));
      more = { inputResponses, ...(result.requestState === undefined ? {} : { requestState: result.requestState }) };
    }
    throw new Error(`${plan.nonce} was asked ${ROUNDS_MAX} times`);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
