// What the bridge between the eras needs of the house around it.
import type { Logger, Secret } from '#base/kernel';
import type { CarriedQuestion, Snapshot, UpstreamPort } from '#data-plane/gateway';
import type { FreshUntil } from '../cache-hints.ts';

export interface BridgeParts {
  /** The adapters of the upstreams; each speaks what its upstream speaks. */
  readonly port: UpstreamPort;
  readonly snapshot: () => Snapshot;
  readonly logger: Logger;
  readonly handshakeTimeoutMs: number;
  /** How long the client – mostly a person – may take to answer what an upstream asks in the middle of a call. */
  readonly answerTimeoutMs: number;
  /** Calls that may wait for such an answer at once. */
  readonly parkedMax: number;
  /** What states that clients carry for us are sealed with. */
  readonly secret: Secret;
  /** Until when an upstream's lists are good (cache-hints.ts). */
  readonly freshUntilMs: FreshUntil;
  /** A question that was brought to a client of the other era has come to its end. */
  readonly onQuestionOver?: (question: CarriedQuestion) => void;
  /** An upstream says that its lists are others now. */
  readonly onListChanged: (upstreamId: string) => void;
}
