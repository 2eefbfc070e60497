// One line for all clients that can be asked nothing (decisions.md 5). The gateway shakes hands for itself; each client's initialize
// is answered with what the upstream said then. Progress goes to the call it belongs to, updates to who subscribed, logs to whom the
// level suits, everything else to all. What the upstream asks has nobody to be asked, and is told so.
import { AppError, toAppError } from '#base/kernel';
import { jsonText, replaceAt, type Envelope } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamObserver, UpstreamRow } from '#data-plane/gateway';
import type { ChannelLink, LinkOwner } from './channel-link.ts';
import { CLIENT_INFO, openLink, type LineParts } from './line-parts.ts';
import { logRank } from './log-levels.ts';
import { PendingCall, PLAIN_MANNERS } from './pending-call.ts';
import { stringAt } from './string-at.ts';
import { SharedSession } from './shared-session.ts';

const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}';

interface Standing {
  readonly link: ChannelLink;
  /** The upstream's answer to the handshake, as latin1. */
  readonly initialized: string;
}

export class SharedLine implements LinkOwner {
  readonly members = new Set<SharedSession>();
  lastUsedAtMs = Date.now();
  readonly #parts: LineParts;
  readonly #version: string;
  readonly #capabilities: string;
  #upstream: UpstreamRow;
  #standing: Standing | undefined;
  #opening: Promise<Standing> | undefined;
  #link: ChannelLink | undefined;
  #isEnded = false;

  /** @param capabilities what all its clients declare, as JSON text */
  constructor(parts: LineParts, upstream: UpstreamRow, version: string, capabilities: string) {
    this.#parts = parts;
    this.#upstream = upstream;
    this.#version = version;
    this.#capabilities = capabilities;
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
    return this.#opening === undefined && (this.#link?.callCount ?? 0) === 0 && ![...this.members].some((member) => member.isListenedTo);
  }

  /** Answers a client's `initialize` with the upstream's own words and gives it a place. */
  join(message: Envelope, sink: AnswerSink, observer: UpstreamObserver | undefined): UpstreamCall {
    const call = new PendingCall(message, sink, PLAIN_MANNERS);
    this.#ready().then(
      ({ initialized }) => {
        if (call.isOver) return;
        const session = new SharedSession(this);
        session.version = stringAt(initialized, ['result', 'protocolVersion']) ?? '';
        this.members.add(session);
        call.namesSession = true;
        observer?.session(session);
        call.answer(replaceAt(initialized, ['id'], message.id ?? 'null'), message);
      },
      (error: unknown) => call.fail(toAppError(error)),
    );
    return call;
  }

  /** Sends one request; `call` hears what becomes of it. */
  start(call: PendingCall, body: Buffer): void {
    this.lastUsedAtMs = Date.now();
    if (this.#standing !== undefined) this.#standing.link.start(call, body);
    else
      this.#ready().then(
        ({ link }) => link.start(call, body),
        (error: unknown) => call.fail(toAppError(error)),
      );
  }

  /** Says something to the upstream, if it is there to hear it. */
  tell(body: Buffer | string): void {
    this.#standing?.link.tell(body);
  }

  /** The level the upstream is to log at: the lowest that anybody asked for. */
  lowestLevel(): string | undefined {
    const levels = [...this.members].flatMap(({ level }) => level ?? []);
    return levels.reduce<string | undefined>(
      (lowest, level) => (lowest === undefined || logRank(level) < logRank(lowest) ? level : lowest),
      undefined,
    );
  }

  leave(session: SharedSession): void {
    if (!this.members.delete(session)) return;
    for (const uri of session.subscriptions) {
      if (!this.isSubscribed(uri)) this.#askAside(`{"jsonrpc":"2.0","id":0,"method":"resources/unsubscribe","params":{"uri":${jsonText(uri)}}}`);
    }
  }

  isSubscribed(uri: string): boolean {
    return [...this.members].some(({ subscriptions }) => subscriptions.has(uri));
  }

  /** The row may have been read again; a line with another command or address is another line. */
  follow(upstream: UpstreamRow): void {
    this.#upstream = upstream;
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    for (const member of this.members) await member.end();
    await this.sleep();
  }

  async sleep(): Promise<void> {
    const link = this.#link;
    this.#standing = this.#link = undefined;
    await link?.close();
  }

  asked(envelope: Envelope): void {
    const { id, method } = envelope;
    const answer =
      method === 'ping'
        ? '"result":{}'
        : '"error":{"code":-32601,"message":"Nobody on this connection can be asked: it is shared by clients that declared no such capability"}';
    this.#link?.tell(`{"jsonrpc":"2.0","id":${id},${answer}}`);
  }

  told(envelope: Envelope, text: string): void {
    switch (envelope.method) {
      case 'notifications/resources/updated': {
        const uri = stringAt(text, ['params', 'uri']);
        for (const member of this.members) if (uri !== undefined && member.subscriptions.has(uri)) member.say(text);
        break;
      }
      case 'notifications/message': {
        const rank = logRank(stringAt(text, ['params', 'level']) ?? '');
        for (const member of this.members) if (member.level === undefined || logRank(member.level) <= rank) member.say(text);
        break;
      }
      case 'notifications/cancelled':
      case 'notifications/progress':
      // Whose task it is cannot be told, and it is not for everybody; clients poll (MCP 2025-11-25 "Task status notification" is optional).
      // eslint-disable-next-line no-fallthrough
      case 'notifications/tasks/status':
        break;
      default:
        for (const member of this.members) member.say(text);
    }
  }

  lost(error: AppError): void {
    // A line that is only being opened tells whoever opens it.
    if (this.#standing === undefined) return;
    this.#standing = this.#link = undefined;
    this.#parts.health.failed(this.#upstream.id, error);
    if ([...this.members].some((member) => member.isListenedTo)) void this.#reopen();
  }

  /** For those who only listen; whoever calls hears of a failure. */
  async #reopen(): Promise<void> {
    try {
      await this.#ready();
    } catch (error) {
      this.#parts.logger.debug('A shared line could not be opened again', { upstream: this.#upstream.name, internal: String(error) });
    }
  }

  #ready(): Promise<Standing> {
    this.lastUsedAtMs = Date.now();
    if (this.#standing !== undefined) return Promise.resolve(this.#standing);
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<Standing> {
    const { health, handshakeTimeoutMs } = this.#parts;
    const { name, id } = this.#upstream;
    const link = openLink(this.#parts, this, this.#upstream, [], true);
    this.#link = link;
    try {
      const params = `{"protocolVersion":${jsonText(this.#version)},"capabilities":${this.#capabilities},"clientInfo":${CLIENT_INFO}}`;
      const { text, envelope } = await link.ask(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":${params}}`, handshakeTimeoutMs);
      if (envelope.isError) {
        throw new AppError(
          'upstream.bad_answer',
          `Gateway "${name}" refused to open a session: ${stringAt(text, ['error', 'message'])?.slice(0, 200)}`,
        );
      }
      link.tell(INITIALIZED);
      health.succeeded(id);
      if (this.#isEnded) throw new AppError('upstream.exited', `The line to gateway "${name}" was closed by the gateway.`);
      this.#standing = { link, initialized: text };
      this.#restore();
      return this.#standing;
    } catch (error) {
      this.#link = undefined;
      health.failed(id, toAppError(error));
      void link.close();
      throw error;
    }
  }

  /** Tells a line opened anew what its members had asked to stay. */
  #restore(): void {
    const level = this.lowestLevel();
    if (level !== undefined) this.#askAside(`{"jsonrpc":"2.0","id":0,"method":"logging/setLevel","params":{"level":${jsonText(level)}}}`);
    for (const uri of new Set([...this.members].flatMap(({ subscriptions }) => [...subscriptions]))) {
      this.#askAside(`{"jsonrpc":"2.0","id":0,"method":"resources/subscribe","params":{"uri":${jsonText(uri)}}}`);
    }
  }

  #askAside(body: string): void {
    void this.#standing?.link.ask(body, this.#parts.handshakeTimeoutMs).catch(() => undefined);
  }
}
