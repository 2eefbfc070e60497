// One open stream of a 2024-11-05 client as a line.
import type { AppError } from '#base/kernel';
import type { AnswerListener, Gateway } from '#data-plane/gateway';
import type { Line, LineSettings } from '../line/line.ts';
import { LineClient } from '../line/line-client.ts';
import type { HttpAnswer } from '../streamable-http/http-answer.ts';

/** A reader that stands still while its answers come in is let go; answers are not held without end. */
const UNREAD_BYTES_MAX = 64 * 1024 * 1024;

export class SseLine implements Line, AnswerListener {
  readonly client: LineClient;
  readonly serverId: string;
  readonly #answer: HttpAnswer;
  readonly #onClosed: () => void;
  isClosed = false;

  /** @param onClosed called once, when the stream has ended or its client has gone */
  constructor(gateway: Gateway, settings: LineSettings, answer: HttpAnswer, onClosed: () => void) {
    this.serverId = settings.serverId;
    this.#answer = answer;
    this.#onClosed = onClosed;
    this.client = new LineClient(gateway, settings, this);
    answer.listener = this;
  }

  /** @param endpoint where this client posts its messages */
  start(endpoint: string, retryMs: number): void {
    this.#answer.head({ status: 200, kind: 'stream', headers: ['x-mcp-sse', 'true'], contentLength: undefined });
    this.#answer.event({ id: undefined, event: 'endpoint', retry: String(retryMs), data: endpoint, comment: undefined });
  }

  send(message: string): boolean {
    if (this.isClosed) return true;
    const hasRoom = this.#answer.event({ id: undefined, event: 'message', retry: undefined, data: message, comment: undefined });
    if (!hasRoom && this.#answer.unsentBytes > UNREAD_BYTES_MAX) this.#answer.breakOff();
    return hasRoom;
  }

  lost(_error: AppError): void {
    this.close();
  }

  clientGone(): void {
    this.close();
  }

  clientHasRoom(): void {
    this.client.hasRoom();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#onClosed();
    this.client.close();
    this.#answer.end();
  }
}
