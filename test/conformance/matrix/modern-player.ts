// A client of 2026-07-28: each request describes itself, questions are answered by asking again, news come on a stream of their own.
import { open } from '../../e2e/checklist/wire.ts';
import type { OpenAnswer } from '../../e2e/checklist/wire.ts';
import { answerTo } from './client-answers.ts';
import { Heard } from './heard.ts';
import type { DoorTo } from './legacy-carriers.ts';
import type { Filter, Json, Listening, Message, Outcome, Player, RequestOptions, RunningCall } from './player.ts';
import { MODERN } from './revisions.ts';
import { wrongForModern } from './wrong-era.ts';

const META = 'io.modelcontextprotocol/';
const ROUNDS_MAX = 12;
const NAMED_BY: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

interface Round {
  readonly status: number;
  readonly text: string;
  readonly message: Json;
}

export class ModernPlayer implements Player {
  readonly revision = MODERN;
  readonly faults: string[] = [];
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #capabilities: Json;
  #level: string | undefined;
  #nextId = 1;
  opened: Json = {};

  private constructor({ serverUrl, headers }: DoorTo, capabilities: Json) {
    this.#url = `${serverUrl}/mcp`;
    this.#headers = headers;
    this.#capabilities = capabilities;
  }

  static async open(door: DoorTo, capabilities: Json): Promise<ModernPlayer> {
    const player = new ModernPlayer(door, capabilities);
    const { result, error } = await player.request('server/discover');
    if (result === undefined) throw new Error(`server/discover: ${JSON.stringify(error)}`);
    player.opened = result;
    return player;
  }

  start(method: string, params: Json = {}, options: RequestOptions = {}): RunningCall {
    const heard = new Heard();
    let current: OpenAnswer | undefined;
    let isCancelled = false;
    const outcome = this.#rounds(method, params, options, heard, (answer) => {
      current = answer;
      if (isCancelled) answer.close();
    }).finally(() => heard.end('the call is over'));
    return {
      outcome,
      told: (name) => heard.next(name),
      cancel: async () => {
        isCancelled = true;
        // It never comes to an outcome now.
        outcome.catch(() => undefined);
        current?.close();
      },
    };
  }

  request(method: string, params?: Json, options?: RequestOptions): Promise<Outcome> {
    return this.start(method, params, options).outcome;
  }

  async notify(method: string, params: Json = {}): Promise<number> {
    const body = JSON.stringify({ jsonrpc: '2.0', method, params: { ...params, _meta: this.#envelope({}) } });
    const answer = await this.#post(method, params, body);
    await answer.bytes();
    return answer.status;
  }

  async setLevel(level: string): Promise<void> {
    this.#level = level;
  }

  async listen(filter: Filter): Promise<Listening> {
    const id = this.#nextId++;
    const params = { notifications: filter, _meta: this.#envelope({}) };
    const answer = await this.#post('subscriptions/listen', {}, JSON.stringify({ jsonrpc: '2.0', id, method: 'subscriptions/listen', params }));
    const heard = new Heard();
    void this.#hear(answer, id, heard).catch(() => undefined);
    const acknowledged = await heard.next('notifications/subscriptions/acknowledged');
    const honoured = acknowledged.params['notifications'];
    if (JSON.stringify(sorted(honoured)) !== JSON.stringify(sorted(filter))) {
      throw new Error(`asked to listen for ${JSON.stringify(filter)}, acknowledged is ${JSON.stringify(honoured)}`);
    }
    return { news: (method) => heard.next(method), close: async () => answer.close() };
  }

  async close(): Promise<void> {}

  async #rounds(method: string, params: Json, options: RequestOptions, heard: Heard, onAnswer: (answer: OpenAnswer) => void): Promise<Outcome> {
    const asked: Message[] = [];
    let more: Json = {};
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const { status, text, message } = await this.#round(method, params, more, options, heard, onAnswer);
      const result = message['result'] as Json | undefined;
      if (result?.['resultType'] !== 'input_required' || options.isOneRound === true) {
        return { status, text, result, error: message['error'] as Outcome['error'], asked, told: heard.all };
      }
      const requests = Object.entries((result['inputRequests'] ?? {}) as Record<string, Message>);
      asked.push(...requests.map(([, request]) => request));
      more = {
        ...(requests.length > 0
          ? { inputResponses: Object.fromEntries(requests.map(([key, request]) => [key, answerTo(request.method, request.params ?? {})])) }
          : {}),
        ...(result['requestState'] === undefined ? {} : { requestState: result['requestState'] }),
      };
    }
    throw new Error(`${method} was still not answered after ${ROUNDS_MAX} rounds`);
  }

  async #round(
    method: string,
    params: Json,
    more: Json,
    { meta = {}, idText, paramsText, headers = {} }: RequestOptions,
    heard: Heard,
    onAnswer: (answer: OpenAnswer) => void,
  ): Promise<Round> {
    const idWritten = idText ?? String(this.#nextId++);
    const members = JSON.stringify({ _meta: this.#envelope(meta), ...more });
    const written = (paramsText ?? JSON.stringify(params)).slice(1);
    const body = `{"jsonrpc":"2.0","id":${idWritten},"method":"${method}","params":${members.slice(0, -1)}${written === '}' ? '' : ','}${written}}`;
    const answer = await this.#post(method, paramsText === undefined ? params : (JSON.parse(paramsText) as Json), body, headers);
    onAnswer(answer);
    const one = answer.isStream ? () => answer.message() : wholeOnce(answer);
    for (let text = await one(); text !== undefined; text = await one()) {
      const message = JSON.parse(text) as Json;
      this.faults.push(...wrongForModern(method, message, answer.headers));
      if (typeof message['method'] !== 'string') return { status: answer.status, text, message };
      heard.add({ method: message['method'], params: (message['params'] ?? {}) as Json });
    }
    throw new Error(`${method} was answered with status ${answer.status} and no message`);
  }

  async #hear(answer: OpenAnswer, id: number, heard: Heard): Promise<void> {
    if (!answer.isStream) heard.end(`status ${answer.status}: ${(await answer.bytes()).toString('utf8').slice(0, 300)}`);
    for (let text = await answer.message(); text !== undefined; text = await answer.message()) {
      const message = JSON.parse(text) as Json;
      this.faults.push(...wrongForModern('subscriptions/listen', message, answer.headers));
      const params = (message['params'] ?? {}) as Json;
      const tag = ((params['_meta'] ?? {}) as Json)[`${META}subscriptionId`];
      if (typeof message['method'] === 'string' && tag !== id) this.faults.push(`news tagged ${JSON.stringify(tag)} on the stream ${id}`);
      heard.add({ method: String(message['method'] ?? 'the end'), params });
    }
    heard.end('the stream has ended');
  }

  #envelope(meta: Json): Json {
    return {
      [`${META}protocolVersion`]: MODERN,
      [`${META}clientCapabilities`]: this.#capabilities,
      [`${META}clientInfo`]: { name: `matrix ${MODERN}`, version: '1' },
      ...(this.#level === undefined ? {} : { [`${META}logLevel`]: this.#level }),
      ...meta,
    };
  }

  #post(method: string, params: Json, body: string, more: Readonly<Record<string, string>> = {}): Promise<OpenAnswer> {
    const name = params[NAMED_BY[method] ?? ''];
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': MODERN,
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
      ...this.#headers,
      ...more,
    };
    return open(this.#url, { headers, body });
  }
}

function wholeOnce(answer: OpenAnswer): () => Promise<string | undefined> {
  let isRead = false;
  return async () => {
    if (isRead) return undefined;
    isRead = true;
    const text = (await answer.bytes()).toString('utf8');
    return text === '' ? undefined : text;
  };
}

function sorted(value: unknown): unknown {
  return Object.entries((value ?? {}) as Json).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
