// One `subscriptions/listen` stream of a modern upstream, opened by the gateway for a legacy client: the filter, what of it the upstream
// honours, and what is said on it, without the mark that only the newer era knows (MCP 2026-07-28 "Subscriptions").
import { AppError, toAppError } from '#base/kernel';
import { jsonText, parsedJson, removeMember, scanMessage, valueAt, type Envelope } from '#base/protocol';
import type { AnswerHead, AnswerSink, StreamEvent, UpstreamCall, UpstreamPort, UpstreamRequest } from '#data-plane/gateway';
import { NO_CALL } from '../../channel/http-manners.ts';

/** Lists, URIs and tasks whose changes are told. */
export interface Honoured {
  readonly lists: readonly ('tools' | 'prompts' | 'resources')[];
  readonly uris: ReadonlySet<string>;
  readonly taskIds: ReadonlySet<string>;
}

/** What the upstream says to the wish: what it will tell, or the error it refuses with, as JSON text. */
export type Reception = { readonly honoured: Honoured } | { readonly refusal: string };

export interface ListenOwner {
  heard(text: string): void;
  /** The stream has ended after it was acknowledged, and not by `close()`. */
  broke(stream: ListenStream): void;
}

const LISTS = ['tools', 'prompts', 'resources'] as const;
const SUBSCRIPTION_ID = ['params', '_meta', 'io.modelcontextprotocol/subscriptionId'];
const REFUSAL_MAX = 64 * 1024;
let streams = 0;

/** The request for all lists and these resources, without an envelope. */
export function listenText(uris: Iterable<string>): string {
  const resourceSubscriptions = [...uris];
  const lists = Object.fromEntries(LISTS.map((list) => [`${list}ListChanged`, true]));
  const notifications = jsonText({ ...lists, ...(resourceSubscriptions.length > 0 && { resourceSubscriptions }) });
  return `{"jsonrpc":"2.0","id":"mcpgateway-listen-${++streams}","method":"subscriptions/listen","params":{"notifications":${notifications}}}`;
}

export class ListenStream implements AnswerSink {
  /** Rejects with an AppError when the upstream cannot be reached or says nothing in time. */
  readonly reception: Promise<Reception>;
  honoured: Honoured = { lists: [], uris: new Set(), taskIds: new Set() };
  readonly #owner: ListenOwner;
  readonly #name: string;
  readonly #resolve: (reception: Reception) => void;
  readonly #reject: (error: AppError) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #call: UpstreamCall;
  #refusal = '';
  #isAcknowledged = false;
  #isOver = false;

  constructor(port: UpstreamPort, request: UpstreamRequest, owner: ListenOwner, ackTimeoutMs: number) {
    this.#owner = owner;
    this.#name = request.upstream.name;
    const { promise, resolve, reject } = Promise.withResolvers<Reception>();
    this.reception = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(() => {
      this.fail(new AppError('upstream.timeout', `Gateway "${this.#name}" did not say in time what it will tell.`));
      this.#call.cancel();
    }, ackTimeoutMs);
    try {
      this.#call = port.open(request, this);
    } catch (error) {
      this.#call = NO_CALL;
      this.fail(toAppError(error));
    }
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  close(): void {
    if (this.#isOver) return;
    this.#end();
    this.#call.cancel();
    this.#reject(new AppError('upstream.connection_lost', 'The gateway has stopped listening.'));
  }

  head(_head: AnswerHead): void {}

  chunk(bytes: Buffer): boolean {
    if (this.#refusal.length < REFUSAL_MAX) this.#refusal += bytes.toString('latin1');
    return true;
  }

  event({ data }: StreamEvent): boolean {
    const envelope = this.#isOver || data === undefined ? undefined : tryScan(data);
    if (envelope === undefined || data === undefined) return true;
    if (envelope.kind === 'response') this.#answered(data);
    else if (envelope.method === 'notifications/subscriptions/acknowledged') this.#acknowledged(data);
    // What an upstream says of requests is not about those of the gateway's own client.
    else if (envelope.method === 'notifications/cancelled') return true;
    else if (envelope.kind === 'notification' && this.#isAcknowledged) this.#owner.heard(unmarked(data));
    return true;
  }

  end(): void {
    if (this.#isOver) return;
    if (tryScan(this.#refusal)?.kind === 'response') this.#answered(this.#refusal);
    else this.fail(new AppError('upstream.connection_lost', `Gateway "${this.#name}" ended the stream of what it tells.`));
  }

  fail(error: AppError): void {
    if (this.#isOver) return;
    this.#end();
    if (this.#isAcknowledged) this.#owner.broke(this);
    else this.#reject(error);
  }

  #acknowledged(data: string): void {
    if (this.#isAcknowledged) return;
    this.#isAcknowledged = true;
    clearTimeout(this.#timer);
    this.honoured = honouredIn(valueAt(data, ['params', 'notifications']) ?? '{}');
    this.#resolve({ honoured: this.honoured });
  }

  /** An answer ends the subscription; before it began, it refuses it. */
  #answered(text: string): void {
    this.#end();
    if (this.#isAcknowledged) this.#owner.broke(this);
    else this.#resolve({ refusal: valueAt(text, ['error']) ?? '{"code":-32603,"message":"The upstream ended the subscription at once"}' });
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}

function honouredIn(filter: string): Honoured {
  const said = parsedJson(filter) as Record<string, unknown> | null;
  return {
    lists: LISTS.filter((list) => said?.[`${list}ListChanged`] === true),
    uris: namesIn(said?.['resourceSubscriptions']),
    taskIds: namesIn(said?.['taskIds']),
  };
}

function namesIn(value: unknown): Set<string> {
  return new Set(Array.isArray(value) ? value.filter((name) => typeof name === 'string') : []);
}

function unmarked(text: string): string {
  const bare = removeMember(text, SUBSCRIPTION_ID);
  return valueAt(bare, ['params', '_meta'])?.replaceAll(/\s/g, '') === '{}' ? removeMember(bare, ['params', '_meta']) : bare;
}

function tryScan(text: string): Envelope | undefined {
  try {
    return scanMessage(text);
  } catch {
    return undefined;
  }
}
