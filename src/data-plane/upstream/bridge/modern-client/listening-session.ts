// The session in which the gateway listens to an upstream of the older era for one caller's `subscriptions/listen` streams
// (protocol.md 2.2): its listening stream brings the news, its subscriptions are those of all these streams together.
import { AppError } from '#base/kernel';
import { jsonText, scanMessage, valueAt, type Envelope } from '#base/protocol';
import type { Principal } from '#base/access';
import type { UpstreamEntry } from '#data-plane/gateway';
import { stringAt } from '../../channel/string-at.ts';
import { Leg, type Hello, type LegOwner } from '../../leg/leg.ts';
import { LIST_NEWS, RESOURCE_UPDATED, type ListNews, type Wanted } from '../../listen-words.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { FollowedResources } from './followed-resources.ts';
import type { Listening } from './listening.ts';

/** Subscriptions asked for at once, when a client names many. */
const ASKED_AT_ONCE = 8;
const ALSO_HEARD_WITHIN_MS = 250;

export class ListeningSession implements LegOwner {
  readonly upstreamId: string;
  readonly callerKey: string;
  readonly listenings = new Set<Listening>();
  readonly #parts: BridgeParts;
  readonly #leg: Leg;
  readonly #target: string;
  readonly #followed = new FollowedResources((method, uri) => this.#askSubscription(method, uri));
  /** Can the upstream be heard? Settled by its answer to the listening request. */
  readonly #hears = Promise.withResolvers<boolean>();
  #isHeard = false;
  #isDeaf = false;
  #isEnded = false;
  /** News from elsewhere that may come here too. */
  readonly #awaited = new Map<ListNews, NodeJS.Timeout>();

  constructor(parts: BridgeParts, upstream: UpstreamEntry, hello: Hello, caller: Principal, headers: readonly string[]) {
    this.#parts = parts;
    this.upstreamId = upstream.id;
    this.callerKey = caller.key;
    this.#target = targetOf(upstream);
    this.#leg = new Leg(parts, upstream, hello, caller, headers, this);
  }

  /** The upstream was heard here, and cannot be any more. */
  get isDeaf(): boolean {
    return this.#isDeaf;
  }

  /** Is this still the way to that upstream, and does it still need the gateway to listen so? */
  isFor(upstream: UpstreamEntry | undefined): boolean {
    return upstream !== undefined && upstream.enabled && upstream.row.legacy && !upstream.row.modern && targetOf(upstream) === this.#target;
  }

  follow(upstream: UpstreamEntry): void {
    this.#leg.follow(upstream);
  }

  /**
   * What the upstream can be made to tell of what is wanted. Its resources are followed from then on, to be given back by `release`.
   * Throws AppError when the upstream cannot be reached or does not agree.
   */
  async honour({ lists, uris }: Wanted): Promise<Wanted> {
    if (lists.length + uris.length === 0) return { lists, uris };
    await this.#leg.ready();
    const { handshakeTimeoutMs } = this.#parts;
    const untilMs = Date.now() + handshakeTimeoutMs;
    if (!(await this.#hearsWithin(handshakeTimeoutMs))) return { lists: [], uris: [] };
    return {
      lists: lists.filter(({ capability }) => this.#declares(capability, 'listChanged')),
      uris: this.#declares('resources', 'subscribe') ? await this.#followAll(uris, untilMs) : [],
    };
  }

  release(uris: readonly string[]): void {
    for (const uri of uris) this.#followed.release(uri);
  }

  end(): Promise<void> {
    this.#isEnded = true;
    for (const timer of this.#awaited.values()) clearTimeout(timer);
    return this.#leg.end();
  }

  heard(_leg: Leg, envelope: Envelope, text: string): void {
    if (envelope.kind === 'request') {
      this.#refuse(envelope);
      return;
    }
    const news = LIST_NEWS.find(({ method }) => method === envelope.method);
    if (news !== undefined) {
      this.#parts.onListChanged(this.upstreamId);
      // Told now, they are told of all that was said elsewhere until now.
      clearTimeout(this.#awaited.get(news));
      this.#awaited.delete(news);
      for (const listening of this.listenings) listening.heardOfList(news, text);
    } else if (envelope.method === RESOURCE_UPDATED) {
      const uri = stringAt(text, ['params', 'uri']);
      if (uri !== undefined) for (const listening of this.listenings) listening.heardOfResource(uri, text);
    }
    // Log lines and progress belong to requests, and there is none here.
  }

  /**
   * The upstream has said in another session of the caller that a list is another now. Servers that tell all sessions tell this one too, and
   * mostly at once: that is waited for. What this one heard before may have been another change: better told twice than not at all.
   */
  heardElsewhere(news: ListNews): void {
    if (this.#awaited.has(news)) return;
    const timer = setTimeout(() => {
      this.#awaited.delete(news);
      for (const listening of this.listenings) listening.heardOfList(news, `{"jsonrpc":"2.0","method":"${news.method}","params":{}}`);
    }, ALSO_HEARD_WITHIN_MS);
    timer.unref();
    this.#awaited.set(news, timer);
  }

  listens(): void {
    this.#hears.resolve(true);
    if (this.#isHeard) for (const listening of this.listenings) listening.mayHaveMissed();
    this.#isHeard = true;
  }

  cannotListen(): void {
    this.#hears.resolve(false);
    if (!this.#isHeard) return;
    this.#isDeaf = true;
    const error = new AppError('upstream.connection_lost', 'The upstream cannot be listened to any more.');
    for (const listening of this.listenings) listening.fail(error);
  }

  #declares(capability: string, what: string): boolean {
    return valueAt(this.#leg.words, ['capabilities', capability, what]) === 'true';
  }

  async #hearsWithin(timeoutMs: number): Promise<boolean> {
    const tooLate = Promise.withResolvers<boolean>();
    const timer = setTimeout(tooLate.resolve, timeoutMs, false);
    timer.unref();
    try {
      return await Promise.race([this.#hears.promise, tooLate.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Those the upstream agrees to in time. */
  async #followAll(uris: readonly string[], untilMs: number): Promise<string[]> {
    const agreed: string[] = [];
    for (let at = 0; at < uris.length && Date.now() < untilMs; at += ASKED_AT_ONCE) {
      const some = uris.slice(at, at + ASKED_AT_ONCE);
      const answers = await Promise.all(some.map((uri) => this.#followed.follow(uri)));
      agreed.push(...some.filter((_, index) => answers[index]));
    }
    return agreed;
  }

  async #askSubscription(method: 'resources/subscribe' | 'resources/unsubscribe', uri: string): Promise<boolean> {
    // Its subscriptions have ended with the session.
    if (this.#isEnded) return false;
    const text = `{"jsonrpc":"2.0","id":${this.#leg.newId()},"method":"${method}","params":{"uri":${jsonText(uri)}}}`;
    const body = Buffer.from(text, 'latin1');
    const key = `subscription ${uri}`;
    if (method === 'resources/unsubscribe') this.#leg.forget(key);
    try {
      const answer = await this.#leg.ask(body, scanMessage(text), this.#parts.handshakeTimeoutMs);
      const isAgreed = valueAt(answer.text, ['result']) !== undefined;
      if (isAgreed && method === 'resources/subscribe') this.#leg.remember(key, body);
      return isAgreed;
    } catch {
      return false;
    }
  }

  /** Nobody is here to be asked anything; but an upstream may want to know whether somebody still listens. */
  #refuse({ id, method }: Envelope): void {
    const answer =
      method === 'ping' ? '"result":{}' : '"error":{"code":-32601,"message":"No request of the client is open in which it could be asked."}';
    const text = `{"jsonrpc":"2.0","id":${id},${answer}}`;
    void this.#leg.tell(Buffer.from(text, 'latin1'), scanMessage(text));
  }
}

/** What one way to an upstream differs by from another. */
function targetOf({ row }: UpstreamEntry): string {
  return JSON.stringify([row.transport, row.url, row.process, row.headers]);
}
