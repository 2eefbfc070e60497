// One client of HTTP+SSE (MCP 2024-11-05) in a closed loop: a stream that stays open, a connection for POSTs, the handshake, then
// calls. A call is over when its answer is on the stream and its POST was accepted.
import { connect, type Socket } from 'node:net';
import { AnswerReader } from './answer-reader.ts';
import { SSE_VERSION } from './call-request.ts';
import type { LoadConnectionOptions } from './load-connection.ts';
import { ENDPOINT_PLACEHOLDER, ID_DIGITS, ID_PLACEHOLDER } from './load-spec.ts';

const EVENT_END = '\n\n';

/** The same POST with another message. */
function withBody(post: string, body: string): string {
  const head = post.slice(0, post.indexOf('\r\n\r\n'));
  return `${head.replace(/\r\nContent-Length: \d+/, `\r\nContent-Length: ${body.length}`)}\r\n\r\n${body}`;
}

export interface LoadSseConnectionOptions extends LoadConnectionOptions {
  /** The whole GET that opens the stream. */
  readonly open: string;
}

export class LoadSseConnection {
  readonly #options: LoadSseConnectionOptions;
  #stream: Socket | undefined;
  #posts: Socket | undefined;
  readonly #reader = new AnswerReader();
  #request = '';
  #text = '';
  #id: number;
  #expected = '';
  #onAnswer: (isOwn: boolean) => void = () => {};
  #isAccepted = false;
  #hasAnswer = false;
  #sentAtMs = 0;
  #isOver = false;

  /** `request` of the options has ENDPOINT_PLACEHOLDER where the path belongs. */
  constructor(options: LoadSseConnectionOptions) {
    this.#options = options;
    this.#id = options.firstId;
  }

  open(): void {
    const target = { port: this.#options.port, host: '127.0.0.1', noDelay: true };
    this.#text = '';
    this.#request = '';
    const stream = connect(target, () => stream.write(this.#options.open));
    this.#stream = stream;
    stream.setEncoding('latin1');
    stream.on('data', (read: string) => this.#onEvent(read));
    const posts = connect(target);
    this.#posts = posts;
    posts.on('data', (chunk: Buffer) => this.#onPostAnswer(chunk));
    for (const socket of [stream, posts]) socket.on('error', () => {}).on('close', () => this.#onClose(socket));
  }

  close(): void {
    this.#isOver = true;
    this.#stream?.destroy();
    this.#posts?.destroy();
  }

  #onEvent(read: string): void {
    this.#text += read;
    if (this.#request === '') {
      if (!this.#text.startsWith('HTTP/1.1 200 ')) return void this.#stream?.destroy();
      const endpoint = /data: ?([^\r\n]+)[\r\n]/.exec(this.#text)?.[1];
      if (endpoint === undefined) return;
      const { pathname, search } = new URL(endpoint, `http://127.0.0.1:${this.#options.port}`);
      this.#request = this.#options.request.replace(ENDPOINT_PLACEHOLDER, `${pathname}${search}`);
      return this.#shakeHands();
    }
    const at = this.#text.indexOf('"jsonrpc"');
    if (at === -1 || !this.#text.includes(EVENT_END, at)) return;
    const isOwn = this.#text.includes(this.#expected);
    this.#text = '';
    this.#hasAnswer = true;
    this.#onAnswer(isOwn);
  }

  #onPostAnswer(chunk: Buffer): void {
    if (!this.#reader.push(chunk, chunk.length)) return;
    this.#isAccepted = this.#reader.status < 300;
    if (this.#isAccepted) this.#onAnswer(true);
    else this.#posts?.destroy();
  }

  #say(request: string): void {
    this.#reader.reset();
    this.#isAccepted = this.#hasAnswer = false;
    this.#sentAtMs = performance.now();
    this.#posts?.write(request, 'latin1');
  }

  #shakeHands(): void {
    const params = { protocolVersion: SSE_VERSION, capabilities: {}, clientInfo: { name: 'bench', version: '1' } };
    this.#expected = `"id":${this.#id}`;
    this.#onAnswer = () => {
      if (!this.#isAccepted || !this.#hasAnswer) return;
      this.#onAnswer = () => this.#call();
      this.#say(withBody(this.#request, '{"jsonrpc":"2.0","method":"notifications/initialized"}'));
    };
    this.#say(withBody(this.#request, JSON.stringify({ jsonrpc: '2.0', id: this.#id, method: 'initialize', params })));
  }

  #call(): void {
    const digits = String(++this.#id);
    if (digits.length !== ID_DIGITS) throw new Error('The ids of this connection are used up.');
    this.#expected = `"id":${digits}`;
    let outcome: 'answered' | 'mismatch' = 'answered';
    this.#onAnswer = (isOwn) => {
      if (!isOwn) outcome = 'mismatch';
      if (!this.#isAccepted || !this.#hasAnswer) return;
      if (this.#options.onCall(outcome, performance.now() - this.#sentAtMs)) this.#call();
      else this.close();
    };
    this.#say(this.#request.replace(ID_PLACEHOLDER, digits));
  }

  /** Losing either is losing the session: one failed call, and a new session. */
  #onClose(socket: Socket): void {
    if (this.#isOver || (socket !== this.#stream && socket !== this.#posts)) return;
    const [stream, posts] = [this.#stream, this.#posts];
    this.#stream = this.#posts = undefined;
    stream?.destroy();
    posts?.destroy();
    if (this.#options.onCall('error', performance.now() - this.#sentAtMs)) this.open();
    else this.close();
  }
}
