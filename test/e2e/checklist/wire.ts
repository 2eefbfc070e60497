// A client that looks at the bytes of an answer and at nothing else: no SDK, no interpretation, one connection a request.
import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

export interface Outgoing {
  readonly method?: 'POST' | 'GET' | 'DELETE' | 'PUT' | 'OPTIONS';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** One block of an event stream; a comment has only `comment`. */
export interface Block {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly retry: string | undefined;
  readonly data: string | undefined;
  readonly comment: string | undefined;
}

const oneConnectionEach = new Agent({ keepAlive: false, maxSockets: Infinity });

export class OpenAnswer {
  readonly response: IncomingMessage;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest = '';

  constructor(response: IncomingMessage) {
    this.response = response;
    this.#chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  get status(): number {
    return this.response.statusCode ?? 0;
  }

  get headers(): IncomingHttpHeaders {
    return this.response.headers;
  }

  get isStream(): boolean {
    return (this.headers['content-type'] ?? '').startsWith('text/event-stream');
  }

  /** The next block of an event stream, comments too; undefined at its end. */
  async block(): Promise<Block | undefined> {
    for (;;) {
      const end = this.#rest.indexOf('\n\n');
      if (end >= 0) {
        const lines = this.#rest.slice(0, end).split('\n');
        this.#rest = this.#rest.slice(end + 2);
        return toBlock(lines);
      }
      const { value, done } = await this.#chunks.next();
      if (done === true) return undefined;
      this.#rest += value.toString('latin1');
    }
  }

  /** The next event that carries a message, as UTF-8 text; undefined at the end. */
  async message(): Promise<string | undefined> {
    for (let block = await this.block(); block !== undefined; block = await this.block()) {
      if (block.data !== undefined && block.data !== '') return Buffer.from(block.data, 'latin1').toString('utf8');
    }
    return undefined;
  }

  /** All messages still to come, parsed. */
  async messages(): Promise<Record<string, unknown>[]> {
    const all: Record<string, unknown>[] = [];
    for (let text = await this.message(); text !== undefined; text = await this.message()) all.push(JSON.parse(text) as Record<string, unknown>);
    return all;
  }

  async blocks(): Promise<Block[]> {
    const all: Block[] = [];
    for (let block = await this.block(); block !== undefined; block = await this.block()) all.push(block);
    return all;
  }

  async bytes(): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let next = await this.#chunks.next(); next.done !== true; next = await this.#chunks.next()) parts.push(next.value);
    return Buffer.concat(parts);
  }

  /** The body of a JSON answer, or the last message of a stream, as text. */
  async answerText(): Promise<string> {
    if (!this.isStream) return (await this.bytes()).toString('utf8');
    let last = '';
    for (let text = await this.message(); text !== undefined; text = await this.message()) last = text;
    return last;
  }

  async answer(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.answerText()) as Record<string, unknown>;
  }

  /** Breaks the connection. */
  close(): void {
    this.response.on('error', () => undefined);
    this.response.destroy();
  }
}

function toBlock(lines: readonly string[]): Block {
  const field = (name: string): string | undefined => {
    const values = lines.filter((line) => line === name || line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, ''));
    return values.length === 0 ? undefined : values.join('\n');
  };
  const comments = lines.filter((line) => line.startsWith(':')).map((line) => line.slice(1));
  return {
    id: field('id'),
    event: field('event'),
    retry: field('retry'),
    data: field('data'),
    comment: comments.length === 0 ? undefined : comments.join('\n'),
  };
}

/** Sends one request; resolves with its head. */
export function open(url: string, { method = 'POST', headers = {}, body }: Outgoing = {}, agent: Agent = oneConnectionEach): Promise<OpenAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method,
      agent,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
    });
    outgoing.on('response', (response) => resolve(new OpenAnswer(response)));
    // After the head an error only says that the rest of a refused body could not be sent.
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Waits for a condition that other processes bring about. Throws when it has not come true in `boundMs`. */
export async function eventually<T>(look: () => T | Promise<T>, boundMs = 15_000): Promise<Exclude<T, undefined | null | false>> {
  const giveUpAtMs = Date.now() + boundMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== null && seen !== false) return seen as Exclude<T, undefined | null | false>;
    if (Date.now() > giveUpAtMs) throw new Error(`This has not come true within ${boundMs} ms: ${look.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
