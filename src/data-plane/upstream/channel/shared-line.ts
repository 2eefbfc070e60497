// One line for all clients that can be asked nothing (decisions.md 5). The gateway shakes hands for itself; each client's initialize
// is answered with what the upstream said then. Progress goes to the call it belongs to, updates to who subscribed, logs to whom the
// level suits, everything else to all. What the upstream asks has nobody to be asked, and is told so.
import { AppError, toAppError } from '#base/kernel';
import { jsonText, replaceAt, type Envelope } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamObserver, UpstreamRow } from '#data-plane/gateway';
import type { ChannelLink, LinkOwner } from './channel-link.ts';
import { GATEWAY_INFO } from '../gateway-info.ts';
import { lineKey, openLink, type LineParts } from './line-parts.ts';
import { logRank } from './log-levels.ts';
import { PendingCall, PLAIN_MANNERS } from './pending-call.ts';
import { ReopenTimer } from './reopen-timer.ts';
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
  /** The line for a row that has another command or address. */
  readonly #sibling: (upstream: UpstreamRow) => SharedLine;
  readonly #key: string;
  readonly #reopenTimer = new ReopenTimer(() => void this.#reopen());
  #upstream: UpstreamRow;
  #standing: Standing | undefined;
  #opening: Promise<Standing> | undefined;
  #link: ChannelLink | undefined;

  /**
   * @param capabilities what all its clients declare, as JSON text
   * @param sibling the line with the same version and capabilities for the row as it is now
   */
  constructor(parts: LineParts, upstream: UpstreamRow, version: string, capabilities: string, sibling: (upstream: UpstreamRow) => SharedLine) {
    this.#sibling = sibling;
    this.#key = lineKey(upstream);
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
    this.#ready()
      .then(({ initialized }) => {
        if (call.isOver) return;
        const session = new SharedSession(this);
        session.version = stringAt(initialized, ['result', 'protocolVersion']) ?? '';
        session.moveTo(this);
        call.namesSession = true;
        observer?.session(session);
        call.answer(replaceAt(initialized, ['id'], message.id ?? 'null'), message);
      })
      .catch((error: unknown) => call.fail(toAppError(error)));
    return call;
  }

  /** Sends one request; `call` hears what becomes of it. */
  start(call: PendingCall, body: Buffer): void {
    this.lastUsedAtMs = Date.now();
    if (this.#standing !== undefined) this.#standing.link.start(call, body);
    else
      this.#ready()
        .then(({ link }) => link.start(call, body))
        .catch((error: unknown) => call.fail(toAppError(error)));
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

  get isListenedTo(): boolean {
    return [...this.members].some((member) => member.isListenedTo);
  }

  /** Is this a line to the upstream as it is now? */
  isFor(upstream: UpstreamRow): boolean {
    return this.#key === lineKey(upstream);
  }

  /** The row may have been read again; a line with another command or address is another line. */
  follow(upstream: UpstreamRow): SharedLine {
    if (!this.isFor(upstream)) return this.#sibling(upstream);
    this.#upstream = upstream;
    return this;
  }

  /** A client joins; what it has asked to stay is told to a line that stands. */
  adopt(session: SharedSession): void {
    this.members.add(session);
    if (session.level !== undefined) this.#restoreLevel();
    for (const uri of session.subscriptions) this.#subscribe(uri);
    if (session.isListenedTo) this.wake();
  }

  /** Somebody listens, to whom nothing comes while the line sleeps. */
  wake(): void {
    if (this.#standing === undefined && this.#opening === undefined) this.#reopenTimer.plan();
  }

  /** Its clients go to the line of another row. */
  async retire(upstream: UpstreamRow): Promise<void> {
    const next = this.#sibling(upstream);
    for (const member of this.members) member.moveTo(next);
    await this.sleep();
  }

  async end(): Promise<void> {
    for (const member of this.members) void member.end();
    await this.sleep();
  }

  async sleep(): Promise<void> {
    const link = this.#link;
    this.#standing = this.#link = undefined;
    this.#reopenTimer.cancel();
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
        for (const member of this.members) if (uri !== undefined && member.isInterestedIn(uri)) member.say(text);
        break;
      }
      case 'notifications/message': {
        const rank = logRank(stringAt(text, ['params', 'level']) ?? '');
        for (const member of this.members) if (member.level === undefined || logRank(member.level) <= rank) member.say(text);
        break;
      }
      case 'notifications/tasks/status': {
        const taskId = stringAt(text, ['params', 'taskId']);
        for (const member of this.members) if (taskId !== undefined && member.tasks.has(taskId)) member.say(text);
        break;
      }
      // Of calls that are over, and of questions that nobody here was asked.
      case 'notifications/cancelled':
      case 'notifications/progress':
      case 'notifications/elicitation/complete':
        break;
      default:
        for (const member of this.members) member.say(text);
    }
  }

  lost(error: AppError): void {
    // A line that is only being opened tells whoever opens it.
    if (this.#standing === undefined) return;
    this.#standing = this.#link = undefined;
    this.#parts.health.broke(this.#upstream.id, error);
    this.#reopenTimer.lost();
    if (this.isListenedTo) this.#reopenTimer.plan();
  }

  /** For those who only listen; whoever calls hears of a failure. */
  async #reopen(): Promise<void> {
    if (!this.isListenedTo) return;
    try {
      await this.#ready();
    } catch (error) {
      this.#parts.logger.debug('A shared line could not be opened again', { upstream: this.#upstream.name, internal: String(error) });
      if (this.isListenedTo && this.#upstream.enabled) this.#reopenTimer.plan();
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
      const params = `{"protocolVersion":${jsonText(this.#version)},"capabilities":${this.#capabilities},"clientInfo":${GATEWAY_INFO}}`;
      const { text, envelope } = await link.ask(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":${params}}`, handshakeTimeoutMs);
      if (envelope.isError) {
        throw new AppError(
          'upstream.bad_answer',
          `Gateway "${name}" refused to open a session: ${stringAt(text, ['error', 'message'])?.slice(0, 200)}`,
        );
      }
      // It may have broken, or been let go, in the moment it stood.
      if (link.endedBy !== undefined) throw link.endedBy;
      link.tell(INITIALIZED);
      health.succeeded(id);
      this.#reopenTimer.stands();
      this.#standing = { link, initialized: text };
      this.#restore();
      for (const member of this.members) member.onReopened?.();
      return this.#standing;
    } catch (error) {
      if (this.#link === link) {
        this.#link = undefined;
        health.failed(id, toAppError(error));
        this.#reopenTimer.lost();
      } else health.released(id);
      void link.close();
      throw error;
    }
  }

  /** Tells a line opened anew what its members had asked to stay. */
  #restore(): void {
    this.#restoreLevel();
    for (const uri of new Set([...this.members].flatMap(({ subscriptions }) => [...subscriptions]))) this.#subscribe(uri);
  }

  #restoreLevel(): void {
    const level = this.lowestLevel();
    if (level !== undefined) this.#askAside(`{"jsonrpc":"2.0","id":0,"method":"logging/setLevel","params":{"level":${jsonText(level)}}}`);
  }

  #subscribe(uri: string): void {
    this.#askAside(`{"jsonrpc":"2.0","id":0,"method":"resources/subscribe","params":{"uri":${jsonText(uri)}}}`);
  }

  #askAside(body: string): void {
    void this.#standing?.link.ask(body, this.#parts.handshakeTimeoutMs).catch(() => undefined);
  }
}
