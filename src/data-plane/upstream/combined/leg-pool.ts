// Sessions with upstreams for callers that hold none themselves: requests that describe themselves, plain requests outside any session.
// They declare nothing, so that nobody can be asked; each belongs to one caller and one upstream.
import { NEWEST_LEGACY_VERSION } from '#base/protocol';
import { createHash } from 'node:crypto';
import type { Principal } from '#base/access';
import { toAppError } from '#base/kernel';
import type { UpstreamEntry } from '#data-plane/gateway';
import { Leg, type LegParts } from '../leg/leg.ts';
import { GATEWAY_INFO } from '../gateway-info.ts';

const LEGS_MAX = 1000;
const IDLE_MS = 10 * 60_000;
const SWEEP_MS = 30_000;
const HELLO = { version: NEWEST_LEGACY_VERSION, capabilities: '{}', clientInfo: GATEWAY_INFO };

export class LegPool {
  readonly #legs = new Map<string, Leg>();
  readonly #parts: LegParts;
  readonly #timer: NodeJS.Timeout;

  constructor(parts: LegParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  /** @param headers of the caller that this upstream takes; callers with others have a leg of their own */
  leg(caller: Principal, upstream: UpstreamEntry, headers: readonly string[]): Leg {
    const key = JSON.stringify([caller.key, caller.tokenId, upstream.id, createHash('sha256').update(headers.join('\0')).digest('base64')]);
    let leg = this.#legs.get(key);
    if (leg === undefined) {
      if (this.#legs.size >= LEGS_MAX) this.#endOldest();
      leg = new Leg(this.#parts, upstream, HELLO, caller, headers, undefined);
      this.#legs.set(key, leg);
      const opened = leg;
      leg.ready().catch((error: unknown) => {
        // Another may have taken its place.
        if (this.#legs.get(key) === opened) this.#legs.delete(key);
        this.#parts.logger.debug('A leg could not be opened', { upstream: upstream.row.name, internal: toAppError(error).message });
      });
    } else {
      leg.follow(upstream);
      // The latest used are the last.
      this.#legs.delete(key);
      this.#legs.set(key, leg);
    }
    return leg;
  }

  keepOnly(upstreams: ReadonlyMap<string, UpstreamEntry>): void {
    for (const [key, leg] of this.#legs) {
      const upstream = upstreams.get(leg.upstreamId);
      if (upstream === undefined || !leg.isFor(upstream)) this.#end(key, leg);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#legs.values()].map((leg) => leg.end()));
    this.#legs.clear();
  }

  #sweep(): void {
    const nowMs = Date.now();
    for (const [key, leg] of this.#legs) if (leg.runningCalls === 0 && nowMs - leg.lastUsedAtMs > IDLE_MS) this.#end(key, leg);
  }

  #endOldest(): void {
    for (const [key, leg] of this.#legs) {
      if (leg.runningCalls > 0) continue;
      this.#end(key, leg);
      return;
    }
  }

  #end(key: string, leg: Leg): void {
    this.#legs.delete(key);
    void leg.end();
  }
}
