// What the sessions and calls of combined servers need of the house around them.
import type { Logger } from '#base/kernel';
import type { Snapshot, UpstreamPort } from '#data-plane/gateway';
import type { FreshUntil } from '../cache-hints.ts';

export interface CombinedParts {
  /** The adapters of the upstreams that are combined. */
  readonly port: UpstreamPort;
  readonly snapshot: () => Snapshot;
  readonly logger: Logger;
  readonly handshakeTimeoutMs: number;
  /** Items a page: decisions.md 7. */
  readonly pageSize: number;
  /** Until when an upstream's lists are good (cache-hints.ts). */
  readonly freshUntilMs: FreshUntil;
  /** An upstream says that its lists are others now. */
  readonly onListChanged: (upstreamId: string) => void;
}
