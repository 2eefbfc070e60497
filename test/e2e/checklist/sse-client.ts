// A client of the HTTP+SSE transport by hand: it opens the stream, posts where it is told to, and looks at every message that comes.
import { expect } from 'vitest';
import { notification, request } from './doors.ts';
import { open, type OpenAnswer } from './wire.ts';

/** A client that does what the transport asks of it and no more. */
export class SseClient {
  readonly stream: OpenAnswer;
  readonly #endpoint: string;
  readonly #headers: Record<string, string>;

  constructor(stream: OpenAnswer, endpoint: string, headers: Record<string, string>) {
    this.stream = stream;
    this.#endpoint = endpoint;
    this.#headers = headers;
  }

  static async open(url: string, headers: Record<string, string>): Promise<SseClient> {
    const stream = await open(url, { method: 'GET', headers: { accept: 'text/event-stream', ...headers } });
    expect([stream.status, stream.isStream]).toEqual([200, true]);
    const first = await stream.block();
    expect(first?.event).toBe('endpoint');
    return new SseClient(stream, new URL(first?.data ?? '', url).href, headers);
  }

  /** Posts one message; the answer to the POST is 202 and carries no message. */
  async send(body: string): Promise<void> {
    const answer = await open(this.#endpoint, { headers: { 'content-type': 'application/json', ...this.#headers }, body });
    expect(answer.status).toBe(202);
    expect(await answer.answerText()).not.toContain('jsonrpc');
  }

  /** The status that a POST to this client's endpoint gets with another token. */
  async postAs(token: string, body: string): Promise<number> {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    return (await open(this.#endpoint, { headers, body })).status;
  }

  /** The next message on the stream, which has to come as a `message` event. */
  async next(): Promise<Record<string, unknown>> {
    for (let block = await this.stream.block(); block !== undefined; block = await this.stream.block()) {
      if (block.data === undefined) continue;
      expect([undefined, 'message']).toContain(block.event);
      return JSON.parse(Buffer.from(block.data, 'latin1').toString()) as Record<string, unknown>;
    }
    throw new Error('The stream has ended');
  }

  async initialize(name: string): Promise<Record<string, unknown>> {
    const params = { protocolVersion: '2024-11-05', capabilities: { roots: {}, sampling: {} }, clientInfo: { name, version: '1' } };
    await this.send(request(`${name} opens`, 'initialize', params));
    const answer = await this.next();
    await this.send(notification('notifications/initialized'));
    return answer;
  }
}
