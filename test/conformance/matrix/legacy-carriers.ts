// What carries a session: streamable HTTP with its POSTs and one GET stream, or the one stream of HTTP+SSE.
import { open } from '../../e2e/checklist/wire.ts';
import type { OpenAnswer } from '../../e2e/checklist/wire.ts';
import type { Revision } from './revisions.ts';

/** @param call whose POST it came on; undefined: on the session's own stream */
export type OnMessage = (text: string, call: string | undefined) => void;

export interface Carrier {
  /** Whether each call has a stream of its own. */
  readonly hasCallStreams: boolean;
  /** Sends one message; what answers it goes to `onMessage`. Resolves with the HTTP status. */
  send(text: string, call?: string): Promise<number>;
  /** After `notifications/initialized`. */
  begin(): Promise<void>;
  /** Ends the session in the way of the transport. */
  close(): Promise<void>;
}

export interface DoorTo {
  /** Of the server, without the transport's own part. */
  readonly serverUrl: string;
  readonly headers: Readonly<Record<string, string>>;
}

const POSTED = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

async function pump(answer: OpenAnswer, take: (text: string) => void): Promise<void> {
  if (answer.isStream) for (let text = await answer.message(); text !== undefined; text = await answer.message()) take(text);
  else {
    const text = (await answer.bytes()).toString('utf8');
    if (text !== '') take(text);
  }
}

export class HttpCarrier implements Carrier {
  readonly hasCallStreams = true;
  readonly #url: string;
  readonly #revision: Revision;
  readonly #onMessage: OnMessage;
  readonly #door: Readonly<Record<string, string>>;
  #sessionId: string | undefined;
  #getStream: OpenAnswer | undefined;

  constructor({ serverUrl, headers }: DoorTo, revision: Revision, onMessage: OnMessage) {
    this.#url = `${serverUrl}/mcp`;
    this.#door = headers;
    this.#revision = revision;
    this.#onMessage = onMessage;
  }

  async send(text: string, call?: string): Promise<number> {
    const answer = await open(this.#url, { headers: { ...POSTED, ...this.#headers() }, body: text });
    const id = answer.headers['mcp-session-id'];
    if (this.#sessionId === undefined && typeof id === 'string') this.#sessionId = id;
    // A stream that breaks is noticed by who waits for the answer.
    void pump(answer, (each) => this.#onMessage(each, call)).catch(() => undefined);
    return answer.status;
  }

  async begin(): Promise<void> {
    if (this.#sessionId === undefined) return;
    const answer = await open(this.#url, { method: 'GET', headers: { accept: 'text/event-stream', ...this.#headers() } });
    if (answer.status !== 200) return answer.close();
    this.#getStream = answer;
    void pump(answer, (each) => this.#onMessage(each, undefined)).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#getStream?.close();
    if (this.#sessionId === undefined) return;
    await (await open(this.#url, { method: 'DELETE', headers: this.#headers() })).bytes();
  }

  /** The revision's header exists since 2025-06-18. */
  #headers(): Record<string, string> {
    if (this.#sessionId === undefined) return { ...this.#door };
    const version = this.#revision >= '2025-06-18' ? { 'mcp-protocol-version': this.#revision } : {};
    return { ...this.#door, ...version, 'mcp-session-id': this.#sessionId };
  }
}

export class SseCarrier implements Carrier {
  readonly hasCallStreams = false;
  readonly #stream: OpenAnswer;
  readonly #endpoint: string;
  readonly #headers: Readonly<Record<string, string>>;

  private constructor(stream: OpenAnswer, endpoint: string, headers: Readonly<Record<string, string>>) {
    this.#stream = stream;
    this.#endpoint = endpoint;
    this.#headers = headers;
  }

  static async open({ serverUrl, headers }: DoorTo, onMessage: OnMessage): Promise<SseCarrier> {
    const url = `${serverUrl}/sse`;
    const stream = await open(url, { method: 'GET', headers: { accept: 'text/event-stream', ...headers } });
    const first = await stream.block();
    if (first?.event !== 'endpoint') throw new Error(`the stream begins with ${JSON.stringify(first)}, status ${stream.status}`);
    void pump(stream, (text) => onMessage(text, undefined)).catch(() => undefined);
    return new SseCarrier(stream, new URL(first.data ?? '', url).href, headers);
  }

  async send(text: string): Promise<number> {
    const answer = await open(this.#endpoint, { headers: { 'content-type': 'application/json', ...this.#headers }, body: text });
    await answer.bytes();
    return answer.status;
  }

  async begin(): Promise<void> {}

  async close(): Promise<void> {
    this.#stream.close();
  }
}
