// One keep-alive connection of the load in a closed loop: the next call goes out when the answer to the last one is complete and
// was found to be the answer to that very call.
import { connect, type Socket } from 'node:net';
import { AnswerReader } from './answer-reader.ts';
import { ID_DIGITS, ID_PLACEHOLDER } from './load-spec.ts';

export type CallOutcome = 'answered' | 'mismatch' | 'error';

export interface LoadConnectionOptions {
  readonly port: number;
  /** The whole HTTP request; the id's place is held by ID_PLACEHOLDER. */
  readonly request: string;
  /** Ids count up from here; every connection has a range of its own, so that a crossed answer is seen. */
  readonly firstId: number;
  /** Told of each call; false ends the connection. */
  readonly onCall: (outcome: CallOutcome, latencyMs: number) => boolean;
}

/** Shared by all connections: what is read is looked at before the next read. */
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);

export class LoadConnection {
  readonly #options: LoadConnectionOptions;
  readonly #bytes: Buffer;
  readonly #idAt: number;
  readonly #reader = new AnswerReader();
  #socket: Socket | undefined;
  #id: number;
  #expected = '';
  #sentAtMs = 0;
  #isOver = false;

  constructor(options: LoadConnectionOptions) {
    this.#options = options;
    this.#bytes = Buffer.from(options.request, 'latin1');
    this.#idAt = options.request.indexOf(ID_PLACEHOLDER);
    if (this.#idAt === -1) throw new Error('The request has no place for an id.');
    this.#id = options.firstId;
  }

  open(): void {
    const onread = { buffer: READ_BUFFER, callback: (length: number) => this.#onRead(length) };
    const socket = connect({ port: this.#options.port, host: '127.0.0.1', noDelay: true, onread });
    this.#socket = socket;
    socket.on('connect', () => this.#send());
    socket.on('error', () => {});
    socket.on('close', () => this.#onClose());
  }

  close(): void {
    this.#isOver = true;
    this.#socket?.destroy();
  }

  #send(): void {
    const digits = String(++this.#id);
    if (digits.length !== ID_DIGITS) throw new Error('The ids of this connection are used up.');
    this.#bytes.write(digits, this.#idAt, 'latin1');
    this.#expected = `"id":${digits}`;
    this.#reader.reset();
    this.#sentAtMs = performance.now();
    this.#socket?.write(this.#bytes);
  }

  #onRead(length: number): boolean {
    if (!this.#reader.push(READ_BUFFER, length)) return true;
    const latencyMs = performance.now() - this.#sentAtMs;
    const isOwn = this.#reader.start.includes(this.#expected);
    const outcome = this.#reader.status !== 200 ? 'error' : isOwn ? 'answered' : 'mismatch';
    if (this.#options.onCall(outcome, latencyMs)) this.#send();
    else this.close();
    return true;
  }

  /** A broken connection is one failed call; the next one tries anew. */
  #onClose(): void {
    if (this.#isOver) return;
    if (this.#options.onCall('error', performance.now() - this.#sentAtMs)) this.open();
    else this.close();
  }
}
