// The sessions in which calls of modern clients are made at upstreams of the older era: for each caller, upstream and set of declared
// capabilities. A client that can be asked gets one for each call that runs, since a question outside any stream can only be told to
// belong to a call where there is no other (protocol.md 2.2).
import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Principal } from '#base/access';
import { AppError, toAppError } from '#base/kernel';
import { NEWEST_LEGACY_VERSION, parsedJson, valueAt } from '#base/protocol';
import type { UpstreamEntry, UpstreamRequest } from '#data-plane/gateway';
import { Leg } from '../../leg/leg.ts';
import { legHeaders } from '../../upstream-headers.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { ClientLeg } from './client-leg.ts';
import { KnownRootsBook } from './known-roots.ts';
import { GATEWAY_INFO } from '../../gateway-info.ts';

const LEGS_MAX = 5000;
/** Beyond it a caller's own idle ones make room: whoever declares something else each time takes nothing from others. */
const LEGS_OF_CALLER_MAX = 500;
const IDLE_MS = 5 * 60_000;
const SWEEP_MS = 30_000;
/** Upstreams that never answer must not keep the process. */
const ENDED_WITHIN_MS = 3000;
/** Sessions of one client in which calls run at once; further calls wait. Those that wait for answers do not count. */
const RUNNING_MAX = { STREAMABLEHTTP: 128, SSE: 32, STDIO: 8 } as const;

/** An upstream has said in a session of this caller that lists are others now, by this notification. */
export type HeardOfLists = (upstreamId: string, caller: Principal, method: string) => void;

/** What the client said of itself in a request, as JSON texts that are no pieces of it: they are kept for as long as a session. */
export interface Declared {
  readonly capabilities: string;
  readonly clientInfo: string | undefined;
}

/** Of one kind of caller at one upstream. */
class Family {
  shared: ClientLeg | undefined;
  readonly idle: ClientLeg[] = [];
  /** In which a call runs that does not wait for its client. */
  running = 0;
  readonly waiting: (() => void)[] = [];
}

/** A caller at one upstream, for one request. */
export interface Place {
  readonly family: string;
  readonly upstream: UpstreamEntry;
  readonly request: UpstreamRequest;
  readonly declared: Declared;
}

export class LegBook {
  readonly roots = new KnownRootsBook();
  readonly #parts: BridgeParts;
  readonly #heardOfLists: HeardOfLists;
  readonly #families = new Map<string, Family>();
  readonly #legs = new Map<ClientLeg, string>();
  readonly #ofCaller = new Map<string, Set<ClientLeg>>();
  /** In which the last words are being said. */
  readonly #ending = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;

  constructor(parts: BridgeParts, heardOfLists: HeardOfLists) {
    this.#parts = parts;
    this.#heardOfLists = heardOfLists;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  /** How many sessions are held with upstreams. */
  get size(): number {
    return this.#legs.size;
  }

  placeOf(request: UpstreamRequest, upstream: UpstreamEntry, declared: Declared): Place {
    const { caller } = request;
    const headers = legHeaders(request.headers, upstream.row);
    const key = JSON.stringify([caller?.key, caller?.tokenId, upstream.id, declared.capabilities, declared.clientInfo, ...headers]);
    // Capabilities can be long, and families many.
    return { family: hash('sha256', key, 'base64'), upstream, request, declared };
  }

  /** For requests in whose middle nobody is asked: one session for all of them. */
  shared(place: Place): ClientLeg {
    // Opening one may end others, and forget their family with the last of them.
    const leg = this.#families.get(place.family)?.shared ?? this.#opened(place, false);
    this.#familyOf(place.family).shared = leg;
    leg.leg.follow(place.upstream);
    return leg;
  }

  /**
   * A session for one call alone, at once or when there is room.
   * @param given is told which; not called after `abandoned()`
   * @returns to be called when nobody waits any more
   */
  checkOut(place: Place, given: (leg: ClientLeg) => void): () => void {
    const family = this.#familyOf(place.family);
    let isWanted = true;
    const give = (): void => {
      if (!isWanted) return;
      isWanted = false;
      family.running++;
      let leg = family.idle.pop();
      while (leg !== undefined && !leg.leg.isFor(place.upstream)) leg = family.idle.pop();
      leg ??= this.#opened(place, true);
      leg.leg.follow(place.upstream);
      given(leg);
    };
    if (family.running < RUNNING_MAX[place.upstream.row.transport]) give();
    else family.waiting.push(give);
    return () => {
      if (!isWanted) return;
      isWanted = false;
      const at = family.waiting.indexOf(give);
      if (at !== -1) family.waiting.splice(at, 1);
    };
  }

  /** Its call waits for its client: meanwhile another may run. */
  parked(place: Place): void {
    this.#leaves(this.#familyOf(place.family));
  }

  /** The client is back. */
  resumed(place: Place): void {
    this.#familyOf(place.family).running++;
  }

  /** Its call is over. @param wasParked it does not count as running */
  checkIn(place: Place, leg: ClientLeg, wasParked: boolean): void {
    const family = this.#familyOf(place.family);
    if (leg.isSpoilt || !this.#legs.has(leg)) this.#end(leg);
    else family.idle.push(leg);
    if (!wasParked) this.#leaves(family);
  }

  keepOnly(upstreams: ReadonlyMap<string, UpstreamEntry>): void {
    for (const leg of this.#legs.keys()) {
      const upstream = upstreams.get(leg.leg.upstreamId);
      if (upstream !== undefined && leg.leg.isFor(upstream)) continue;
      this.#end(leg);
      leg.lost();
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const leg of this.#legs.keys()) this.#end(leg);
    this.#families.clear();
    if (this.#ending.size > 0) await Promise.race([Promise.all(this.#ending), sleep(ENDED_WITHIN_MS, undefined, { ref: false })]);
  }

  #familyOf(key: string): Family {
    let family = this.#families.get(key);
    if (family === undefined) this.#families.set(key, (family = new Family()));
    return family;
  }

  #opened({ family, upstream, request, declared }: Place, isExclusive: boolean): ClientLeg {
    const { caller } = request;
    if (caller === undefined) throw new AppError('internal', 'A call of nobody');
    if (this.#legs.size >= LEGS_MAX) this.#endOldest(this.#legs.keys());
    const own = this.#legsOf(caller.key);
    if (own.size >= LEGS_OF_CALLER_MAX) this.#endOldest(own);
    const { capabilities, clientInfo = GATEWAY_INFO } = declared;
    const known = { get: () => this.roots.get(upstream.id, caller.key, capabilities) };
    const { logger, answerTimeoutMs: holdMs } = this.#parts;
    const heardOfLists = (method: string): void => this.#heardOfLists(upstream.id, caller, method);
    const declaresRoots = valueAt(capabilities, ['roots'])?.startsWith('{') === true;
    const client = new ClientLeg(isExclusive, upstream, known, { callerKey: caller.key, logger, holdMs, declaresRoots, heardOfLists });
    const hello = { version: NEWEST_LEGACY_VERSION, capabilities, clientInfo };
    // Nobody listens for a client that can be asked nothing.
    const owner = canBeAsked(declared) ? client : undefined;
    client.leg = new Leg(this.#parts, upstream, hello, caller, legHeaders(request.headers, upstream.row), owner);
    this.#legs.set(client, family);
    own.add(client);
    this.#ofCaller.set(caller.key, own);
    client.leg.ready().catch((error: unknown) => {
      logger.debug('A session for a modern client could not be opened', { upstream: upstream.row.name, internal: toAppError(error).message });
      client.isSpoilt = true;
      if (client.callCount === 0) this.#end(client);
    });
    return client;
  }

  #leaves(family: Family): void {
    family.running--;
    family.waiting.shift()?.();
  }

  #sweep(): void {
    const nowMs = Date.now();
    for (const leg of this.#legs.keys()) if (leg.callCount === 0 && nowMs - leg.leg.lastUsedAtMs > IDLE_MS) this.#end(leg);
    for (const key of this.#families.keys()) this.#forgetEmpty(key);
  }

  #forgetEmpty(key: string): void {
    const family = this.#families.get(key);
    if (family?.shared === undefined && family?.idle.length === 0 && family.running === 0 && family.waiting.length === 0) this.#families.delete(key);
  }

  #legsOf(callerKey: string): Set<ClientLeg> {
    return this.#ofCaller.get(callerKey) ?? new Set();
  }

  #endOldest(legs: Iterable<ClientLeg>): void {
    let oldest: ClientLeg | undefined;
    for (const leg of legs) if (leg.callCount === 0 && (oldest === undefined || leg.leg.lastUsedAtMs < oldest.leg.lastUsedAtMs)) oldest = leg;
    if (oldest !== undefined) this.#end(oldest);
  }

  #end(leg: ClientLeg): void {
    const key = this.#legs.get(leg);
    this.#legs.delete(leg);
    const own = this.#legsOf(leg.callerKey);
    own.delete(leg);
    if (own.size === 0) this.#ofCaller.delete(leg.callerKey);
    const family = key === undefined ? undefined : this.#families.get(key);
    if (family !== undefined) {
      if (family.shared === leg) family.shared = undefined;
      const at = family.idle.indexOf(leg);
      if (at !== -1) family.idle.splice(at, 1);
      if (key !== undefined) this.#forgetEmpty(key);
    }
    const ending = leg.end().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}

/** Could an upstream ask this client anything? */
export function canBeAsked({ capabilities }: Declared): boolean {
  if (capabilities === '{}') return false;
  const declared = parsedJson(capabilities) as Record<string, unknown>;
  return ['sampling', 'elicitation', 'roots'].some((name) => Object.hasOwn(declared, name));
}
