// A client with a session: initialize, one channel both ways, questions answered as they come.
import { rawMember } from '../../fixture/raw-member.ts';
import { answerTo, Refused } from './client-answers.ts';
import { Heard } from './heard.ts';
import { HttpCarrier, SseCarrier } from './legacy-carriers.ts';
import type { Carrier, DoorTo } from './legacy-carriers.ts';
import type { Filter, Json, Listening, Message, Outcome, Player, RequestOptions, RunningCall } from './player.ts';
import type { Revision } from './revisions.ts';
import { wrongForLegacy } from './wrong-era.ts';

interface OpenCall {
  readonly heard: Heard;
  readonly asked: Message[];
  readonly done: PromiseWithResolvers<{ text: string; message: Json }>;
  status: number;
}

const USER_REFUSED = -1;

export class LegacyPlayer implements Player {
  readonly revision: Revision;
  readonly faults: string[] = [];
  readonly #calls = new Map<string, OpenCall>();
  /** Taken back; an answer may have been on its way. */
  readonly #cancelled = new Set<string>();
  readonly #news = new Heard();
  /** Whose answer came last: where a line upstream does not say whose a log line is, it comes on the session's own stream, maybe later. */
  #latest: OpenCall | undefined;
  #carrier!: Carrier;
  #nextId = 1;
  opened: Json = {};

  private constructor(revision: Revision) {
    this.revision = revision;
  }

  /** Opens a session; a client of 2024-11-05 uses the transport of its time. */
  static async open(door: DoorTo, revision: Revision, capabilities: Json): Promise<LegacyPlayer> {
    const player = new LegacyPlayer(revision);
    const take = (text: string, call: string | undefined) => player.#take(text, call);
    player.#carrier = revision === '2024-11-05' ? await SseCarrier.open(door, take) : new HttpCarrier(door, revision, take);
    const { result, error } = await player.request('initialize', {
      protocolVersion: revision,
      capabilities,
      clientInfo: { name: `matrix ${revision}`, version: '1' },
    });
    if (result === undefined) throw new Error(`initialize: ${JSON.stringify(error)}`);
    player.opened = result;
    await player.notify('notifications/initialized');
    await player.#carrier.begin();
    return player;
  }

  start(method: string, params?: Json, { meta, idText, paramsText }: RequestOptions = {}): RunningCall {
    const key = idText ?? String(this.#nextId++);
    const call: OpenCall = { heard: new Heard(), asked: [], done: Promise.withResolvers(), status: 0 };
    this.#calls.set(key, call);
    const written = paramsText ?? JSON.stringify(meta === undefined ? params : { ...params, _meta: meta });
    const text = `{"jsonrpc":"2.0","id":${key},"method":"${method}"${written === undefined ? '' : `,"params":${written}`}}`;
    const sent = this.#carrier.send(text, key).then(
      (status) => (call.status = status),
      (error: unknown) => call.done.reject(error),
    );
    const outcome = Promise.all([call.done.promise, sent]).then(([{ text: answer, message }]) => outcomeOf(call, answer, message));
    outcome.catch(() => undefined);
    return {
      outcome,
      told: (name) => call.heard.next(name),
      cancel: async () => {
        this.#calls.delete(key);
        this.#cancelled.add(key);
        await this.notify('notifications/cancelled', { requestId: JSON.parse(key) as unknown, reason: 'enough' });
      },
    };
  }

  request(method: string, params?: Json, options?: RequestOptions): Promise<Outcome> {
    return this.start(method, params, options).outcome;
  }

  notify(method: string, params?: Json): Promise<number> {
    return this.#carrier.send(JSON.stringify({ jsonrpc: '2.0', method, params }));
  }

  async setLevel(level: string): Promise<void> {
    await this.#empty('logging/setLevel', { level });
  }

  async listen({ resourceSubscriptions = [] }: Filter): Promise<Listening> {
    for (const uri of resourceSubscriptions) await this.#empty('resources/subscribe', { uri });
    return {
      news: (method) => this.#news.next(method),
      close: async () => {
        for (const uri of resourceSubscriptions) await this.#empty('resources/unsubscribe', { uri });
      },
    };
  }

  async close(): Promise<void> {
    this.#news.end('the client has closed');
    await this.#carrier.close();
  }

  /** Early clients refuse a whole answer for a member that an empty result has. */
  async #empty(method: string, params: Json): Promise<void> {
    const { result, error } = await this.request(method, params);
    if (JSON.stringify(result) !== '{}') throw new Error(`${method}: ${JSON.stringify(error ?? result)}`);
  }

  #take(text: string, key: string | undefined): void {
    const message = JSON.parse(text) as Json | Json[];
    if (Array.isArray(message)) {
      for (const each of message) this.#take(JSON.stringify(each), key);
      return;
    }
    this.faults.push(...wrongForLegacy(message, this.revision));
    if (typeof message['method'] !== 'string') this.#answered(text, message, key);
    else if ('id' in message) this.#askedOf(text, message, key);
    else this.#told({ method: message['method'], params: (message['params'] ?? {}) as Json }, key);
  }

  #answered(text: string, message: Json, key: string | undefined): void {
    const id = rawMember(text, 'id') ?? 'null';
    // What was refused before it was read has no id of its own.
    const call = this.#calls.get(id) ?? (id === 'null' && key !== undefined ? this.#calls.get(key) : undefined);
    if (call === undefined) {
      if (!this.#cancelled.delete(id)) this.faults.push(`an answer to nothing: ${text.slice(0, 200)}`);
      return;
    }
    if (key !== undefined && this.#calls.get(key) !== call) this.faults.push(`the answer to ${id} came on the stream of ${key}`);
    this.#calls.delete(id);
    this.#latest = call;
    call.heard.end('the call is answered');
    call.done.resolve({ text, message });
  }

  /** A question on the session's own stream may be any call's. */
  #askedOf(text: string, message: Json, key: string | undefined): void {
    const asked = { method: String(message['method']), params: (message['params'] ?? {}) as Json };
    const call = key === undefined ? undefined : this.#calls.get(key);
    for (const each of call === undefined ? this.#calls.values() : [call]) each.asked.push(asked);
    const id = rawMember(text, 'id') ?? 'null';
    let answer: string;
    try {
      answer = `"result":${JSON.stringify(answerTo(asked.method, asked.params))}`;
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown;
      answer = `"error":${JSON.stringify({ code: USER_REFUSED, message: thrown.message })}`;
    }
    void this.#carrier.send(`{"jsonrpc":"2.0","id":${id},${answer}}`).then((status) => {
      if (status !== 202) this.faults.push(`the answer to ${asked.method} was received with ${status}`);
    });
  }

  #told(message: Message, key: string | undefined): void {
    if (/list_changed$|resources\/updated$/.test(message.method)) {
      if (key !== undefined) this.faults.push(`${message.method} came on the stream of a call`);
      this.#news.add(message);
      return;
    }
    const call = key === undefined ? undefined : this.#calls.get(key);
    const isShared = !this.#carrier.hasCallStreams || message.method === 'notifications/message';
    const calls = call !== undefined ? [call] : isShared ? [...this.#calls.values()] : [];
    if (calls.length === 0 && isShared && this.#latest !== undefined) calls.push(this.#latest);
    for (const each of calls) each.heard.add(message);
  }
}

function outcomeOf(call: OpenCall, text: string, message: Json): Outcome {
  return {
    status: call.status,
    text,
    result: message['result'] as Json | undefined,
    error: message['error'] as Outcome['error'],
    asked: call.asked,
    told: call.heard.all,
  };
}
