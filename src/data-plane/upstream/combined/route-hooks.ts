// What a call of a combined server is told by whoever makes it: how its answer and what is said on the way become the client's.
import type { Envelope } from '#base/protocol';
import type { UriNames } from './shared-uris.ts';

export interface RouteHooks {
  readonly uriNames: UriNames | undefined;
  /** Told what the upstream names in its answer, and gives it URIs by which the client can have it; undefined when there is nothing to name. */
  readonly named: ((text: string) => string) | undefined;
  /** Turns the answer into the client's era. */
  readonly answer: ((text: string) => string) | undefined;
  /** The HTTP status for an answer that the client's era has other statuses for than the upstream's; undefined: as it came. */
  readonly statusOf: ((text: string, isError: boolean) => number) | undefined;
  /** What the upstream asks or says on the way, in the client's terms; undefined when it is not for the client. */
  said(envelope: Envelope, text: string): string | undefined;
  /** Before an event id, so that a stream that is taken up again leads back to its upstream; undefined for none. */
  readonly eventPrefix: string | undefined;
  /** Does the client's revision know events with an id and empty data? */
  readonly takesEmptyData: boolean;
  /** The id under which the upstream knows it, when it is not the client's own. */
  readonly upstreamId?: string;
  /** It was sent, and nobody wants the answer any more. */
  abandoned?(): void;
}
