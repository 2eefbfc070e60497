// What the control plane hands over: plain rows, nothing compiled, no I/O. The gateway compiles them into a Snapshot and swaps
// it in by one assignment (decisions.md 31).
import type { Visibility } from '#base/access';
import type { ClientNeed, ItemKind, ProcessSpec, UpstreamTransport } from '#base/protocol';

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
  /** Made up by the gateway, of others (combined servers); no row of the database has it. */
  readonly isCombined?: true;
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
  /** The newest revision it answered in; null before it was read. */
  readonly protocolVersion: string | null;
  /** What it declared when it was last read; {} before. */
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly instructions: string | null;
  /** ISO time since when what is known of it may be out of date; null while it is fresh. */
  readonly staleSince: string | null;
  /** How often its lists are read again; null or absent: as often as all others. */
  readonly refreshIntervalSeconds?: number | null;
}

export interface ServerRow {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly visibility: Visibility;
  readonly ownerEmail: string | null;
  readonly teamId: string | null;
  readonly limits: Limits;
  /** Check every message both ways against the schema of its revision; for debugging. */
  readonly strictSchema?: boolean;
  /** The upstream this server mirrors; null for one that combines items of several. */
  readonly mirrorGatewayId: string | null;
  /** Ids of the items it combines; empty for a mirror. */
  readonly itemIds: readonly string[];
}

/** A tool, resource, resource template or prompt of an upstream, with what people here made of it. */
export interface ItemRow {
  readonly id: string;
  readonly upstreamId: string;
  readonly kind: ItemKind;
  /** The upstream's own key (ReadItem.key): what a mirror's clients call it by, and what is sent upstream. */
  readonly key: string;
  /** The published name of a tool or prompt, unique in the gateway (decisions.md 8); '' for resources and templates, whose key is public. */
  readonly name: string;
  /** Published names it had before, good for calls until someone else takes them. */
  readonly formerNames: readonly string[];
  /** Its original JSON text. */
  readonly json: string;
  readonly enabled: boolean;
  readonly visibility: Visibility;
  readonly ownerEmail: string | null;
  readonly teamId: string | null;
  readonly tags: readonly string[];
  readonly needs: readonly ClientNeed[];
  /** What people wrote over the upstream's words; a missing key leaves them. */
  readonly overrides: {
    /** Of resources and templates only, whose name is a label; that of a tool or prompt is in the published name. */
    readonly name?: string;
    readonly title?: string;
    readonly description?: string;
    readonly annotations?: Readonly<Record<string, unknown>>;
  };
}

export interface SnapshotInput {
  /** The database's change counter that these rows reflect. */
  readonly version: number;
  readonly upstreams: readonly UpstreamRow[];
  readonly servers: readonly ServerRow[];
  readonly items: readonly ItemRow[];
  /** `jti` of revoked tokens that have not expired by themselves. */
  readonly revokedTokenIds: readonly string[];
}
