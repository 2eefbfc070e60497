// The legs of one client's session: one to each upstream it has used, opened when it is first needed, and told what the client has set
// for all of them.
import { toAppError } from '#base/kernel';
import { scanMessage, type Envelope } from '#base/protocol';
import type { Principal } from '#base/access';
import type { UpstreamEntry } from '#data-plane/gateway';
import type { CombinedParts } from './combined-parts.ts';
import { Leg, type Hello, type LegOwner } from '../leg/leg.ts';
import { legHeaders } from '../upstream-headers.ts';

export class SessionLegs {
  readonly #legs = new Map<string, Leg>();
  readonly #parts: CombinedParts;
  readonly #owner: LegOwner;
  readonly #hello: Hello;
  readonly #caller: Principal;
  readonly #headers: readonly string[];
  /** The client's latest request for a log level. */
  #levelAsked: Buffer | undefined;

  /** @param headers of the client's `initialize`, flat; each upstream gets those that are allowed to it */
  constructor(parts: CombinedParts, owner: LegOwner, hello: Hello, caller: Principal, headers: readonly string[]) {
    this.#parts = parts;
    this.#owner = owner;
    this.#hello = hello;
    this.#caller = caller;
    this.#headers = headers;
  }

  get(upstreamId: string): Leg | undefined {
    return this.#legs.get(upstreamId);
  }

  /** The leg to this upstream, which may not be open yet. */
  to(upstream: UpstreamEntry): Leg {
    const known = this.#legs.get(upstream.id);
    if (known !== undefined) return known;
    const leg = new Leg(this.#parts, upstream, this.#hello, this.#caller, legHeaders(this.#headers, upstream.row), this.#owner);
    this.#legs.set(upstream.id, leg);
    leg.ready().then(
      () => this.#tellLevel(leg),
      (error: unknown) => {
        if (this.#legs.get(upstream.id) === leg) this.#legs.delete(upstream.id);
        this.#parts.logger.debug('A leg could not be opened', { upstream: upstream.row.name, internal: toAppError(error).message });
      },
    );
    return leg;
  }

  /** Other tables hold: legs to what is no more, or is reached another way, are ended. */
  follow(upstreams: ReadonlyMap<string, UpstreamEntry>): void {
    for (const [id, leg] of this.#legs) {
      const upstream = upstreams.get(id);
      if (upstream !== undefined && leg.isFor(upstream)) leg.follow(upstream);
      else {
        this.#legs.delete(id);
        void leg.end();
      }
    }
  }

  tellAll(body: Buffer, message: Envelope): void {
    for (const leg of this.#legs.values()) void leg.tell(body, message);
  }

  /** @param asked the client's `logging/setLevel` */
  setLevel(asked: Buffer): void {
    this.#levelAsked = asked;
    for (const leg of this.#legs.values()) this.#tellLevel(leg);
  }

  async end(): Promise<void> {
    const legs = [...this.#legs.values()];
    this.#legs.clear();
    await Promise.all(legs.map((leg) => leg.end()));
  }

  #tellLevel(leg: Leg): void {
    const upstream = this.#parts.snapshot().upstreams.get(leg.upstreamId);
    const asked = this.#levelAsked;
    if (asked === undefined || upstream === undefined || !Object.hasOwn(upstream.row.capabilities, 'logging')) return;
    leg.remember('level', asked);
    void leg.tell(asked, scanMessage(asked.toString('latin1')));
  }
}
