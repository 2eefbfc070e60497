// What the control plane hands over: plain rows, nothing compiled, no I/O. The gateway compiles them into a Snapshot and swaps
// it in by one assignment (decisions.md 31).
import type { Visibility } from '#base/access';
import type { ProcessSpec, UpstreamTransport } from '#base/protocol';

export interface Limits {
  /** Calls per minute, or null for no limit. */
  readonly callsPerMinute: number | null;
  /** Calls running at once, or null for no limit. */
  readonly concurrent: number | null;
}

/**
 * How many processes a stdio upstream gets (decisions.md 5). `shared`: one for everybody, which may ask its clients nothing.
 * `session`: one for each client session. `auto`: shared by clients that can be asked nothing, one each for the others.
 */
export type StdioIsolation = 'auto' | 'shared' | 'session';

export interface UpstreamRow {
  readonly id: string;
  readonly name: string;
  readonly transport: UpstreamTransport;
  /** '' for STDIO. */
  readonly url: string;
  /** Only for STDIO. */
  readonly process: ProcessSpec | undefined;
  readonly stdioIsolation: StdioIsolation;
  readonly enabled: boolean;
  readonly visibility: Visibility;
  readonly ownerEmail: string | null;
  readonly teamId: string | null;
  readonly limits: Limits;
  /** Decrypted credentials as header pairs. */
  readonly headers: readonly (readonly [string, string])[];
  /** Lower-case names of client headers that may pass to this upstream. */
  readonly passthroughHeaders: readonly string[];
  readonly modern: boolean;
  readonly legacy: boolean;
}

export interface ServerRow {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly visibility: Visibility;
  readonly ownerEmail: string | null;
  readonly teamId: string | null;
  readonly limits: Limits;
  /** The upstream this server mirrors. */
  readonly mirrorGatewayId: string;
}

export interface ToolRow {
  readonly id: string;
  readonly upstreamId: string;
  /** The upstream's own name: what a mirror's clients call it by. */
  readonly originalName: string;
  readonly enabled: boolean;
  readonly visibility: Visibility;
  readonly ownerEmail: string | null;
  readonly teamId: string | null;
}

export interface SnapshotInput {
  /** The database's change counter that these rows reflect. */
  readonly version: number;
  readonly upstreams: readonly UpstreamRow[];
  readonly servers: readonly ServerRow[];
  readonly tools: readonly ToolRow[];
  /** `jti` of revoked tokens that have not expired by themselves. */
  readonly revokedTokenIds: readonly string[];
}
