// One line for all requests that describe themselves (MCP 2026-07-28): they need no handshake and imply no state. What a listen
// stream brings is told apart by its subscription id, progress by its token; an upstream asks nothing in this era.
import { AppError } from '#base/kernel';
import { MODERN_VERSION, parsedJson, replaceAt, valueAt, type Envelope } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamRequest, UpstreamRow } from '#data-plane/gateway';
import type { ChannelLink, LinkOwner } from './channel-link.ts';
import { accepted } from './http-manners.ts';
import { GATEWAY_INFO } from '../gateway-info.ts';
import { lineKey, openLink, type LineParts } from './line-parts.ts';
import { modernStatus } from './modern-manners.ts';
import { PendingCall } from './pending-call.ts';

const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';
const IN_NOTE = ['params', '_meta', SUBSCRIPTION_ID];
const LOG_LEVEL = ['params', '_meta', 'io.modelcontextprotocol/logLevel'];
const IN_RESULT = ['result', '_meta', SUBSCRIPTION_ID];
const OWN_LISTEN_ID = '"mcpgateway-lists"';

export class ModernLine implements LinkOwner {
  lastUsedAtMs = Date.now();
  readonly #parts: LineParts;
  readonly #key: string;
  /** Calls that want to see logs. */
  readonly #logged = new WeakSet<PendingCall>();
  #upstream: UpstreamRow;
  #link: ChannelLink | undefined;
  #hasAnswered = false;

  constructor(parts: LineParts, upstream: UpstreamRow) {
    this.#parts = parts;
    this.#key = lineKey(upstream);
    this.#upstream = upstream;
  }

  get upstreamId(): string {
    return this.#upstream.id;
  }

  get hasLine(): boolean {
    return this.#link !== undefined;
  }

  get runningCalls(): Iterable<PendingCall> {
    return this.#link?.calls ?? [];
  }

  get isIdle(): boolean {
    return (this.#link?.callCount ?? 0) === 0;
  }

  /** Is this a line to the upstream as it is now? */
  isFor(upstream: UpstreamRow): boolean {
    return this.#key === lineKey(upstream);
  }

  /** Throws AppError as openLink() does. */
  post(request: UpstreamRequest, message: Envelope, body: Buffer, sink: AnswerSink): UpstreamCall {
    this.lastUsedAtMs = Date.now();
    this.#upstream = request.upstream;
    // Clients have nothing to notify of in this era: they cancel by going away. Ids and tokens in it would be taken for others'.
    if (message.kind !== 'request') return accepted(sink);
    if (this.#link === undefined) {
      this.#hasAnswered = false;
      this.#link = openLink(this.#parts, this, request.upstream, [], true);
      this.#listenToLists(this.#link);
    }
    const link = this.#link;
    const call = new PendingCall(message, sink, { isResumable: false, primes: false, tellsCancel: true });
    call.statusOf = modernStatus;
    call.onAnswer = (text) => {
      this.#hasAnswered = true;
      this.#parts.health.succeeded(this.upstreamId);
      return message.method === 'subscriptions/listen' ? replaceAt(text, IN_RESULT, message.id ?? 'null') : text;
    };
    if (body.includes('/logLevel') && valueAt(body.toString('latin1'), LOG_LEVEL) !== undefined) this.#logged.add(call);
    link.start(call, body);
    return call;
  }

  async end(): Promise<void> {
    await this.sleep();
  }

  async sleep(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    await link?.close();
  }

  /** Forbidden in this era; the upstream is told so. */
  asked(envelope: Envelope): void {
    const error = '{"code":-32601,"message":"Servers send no requests in this protocol revision"}';
    this.#link?.tell(`{"jsonrpc":"2.0","id":${envelope.id},"error":${error}}`);
  }

  told(envelope: Envelope, text: string): void {
    const subscription = valueAt(text, IN_NOTE);
    if (subscription === OWN_LISTEN_ID) {
      if (envelope.method.endsWith('/list_changed')) this.#parts.onListChanged?.(this.upstreamId);
      return;
    }
    if (subscription !== undefined) {
      const call = this.#link?.callOf(subscription);
      call?.event(replaceAt(text, IN_NOTE, call.message.id ?? 'null'));
      return;
    }
    if (envelope.method === 'notifications/cancelled' && envelope.requestId !== undefined) {
      // The one way, beside its result, in which a server ends a listen stream over stdio.
      this.#link?.callOf(envelope.requestId)?.fail(new AppError('upstream.connection_lost', `Gateway "${this.#upstream.name}" ended this stream.`));
      return;
    }
    // A log line names no request; it is for the one that asked for logs, when only one runs. Anything else is of a call that is over.
    if (envelope.method !== 'notifications/message') return;
    const calls = [...this.runningCalls].filter((call) => call.message.method !== 'subscriptions/listen');
    const [only] = calls;
    if (only !== undefined && calls.length === 1 && this.#logged.has(only)) only.event(text);
  }

  lost(error: AppError): void {
    this.#link = undefined;
    if (this.#hasAnswered) this.#parts.health.broke(this.upstreamId, error);
    else this.#parts.health.failed(this.upstreamId, error);
  }

  /**
   * While the program runs for others the gateway hears what it says of its lists: nobody else may be listening, and it is not started only to
   * be asked (decisions.md 4). No call of the line: it keeps nothing running, and its result or refusal is nobody's.
   */
  #listenToLists(link: ChannelLink): void {
    const { capabilities } = this.#upstream;
    const changing = ['tools', 'prompts', 'resources'].filter((name) => valueOf(capabilities[name])['listChanged'] === true);
    if (changing.length === 0 || this.#parts.onListChanged === undefined) return;
    const notifications = Object.fromEntries(changing.map((name) => [`${name}ListChanged`, true]));
    const meta = {
      'io.modelcontextprotocol/protocolVersion': MODERN_VERSION,
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/clientInfo': parsedJson(GATEWAY_INFO),
    };
    link.tell(`{"jsonrpc":"2.0","id":${OWN_LISTEN_ID},"method":"subscriptions/listen","params":${JSON.stringify({ notifications, _meta: meta })}}`);
  }
}

function valueOf(capability: unknown): Readonly<Record<string, unknown>> {
  return typeof capability === 'object' && capability !== null ? (capability as Record<string, unknown>) : {};
}
