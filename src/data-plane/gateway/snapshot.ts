// The immutable tables that every call reads. Compiled from plain rows when the control plane has changed something, and
// swapped in by one assignment; no call ever waits for it and none reads a database.
import type { Owned } from '#base/access';
import { LimitBook, type LimitGate } from './limits.ts';
import type { ServerRow, SnapshotInput, ToolRow, UpstreamRow } from './snapshot-input.ts';
import type { Stage } from './stages/stage.ts';

export interface ToolEntry extends Owned {
  readonly name: string;
}

export interface UpstreamEntry extends Owned {
  readonly row: UpstreamRow;
  /** By the upstream's own names. */
  readonly tools: ReadonlyMap<string, ToolEntry>;
  /** Is any tool switched off or not public, so that lists have to be looked through? */
  readonly hasHiddenTools: boolean;
}

export interface ServerEntry extends Owned {
  readonly name: string;
  readonly upstream: UpstreamEntry;
  /** Limits of the server and of its upstream; empty when none is set. */
  readonly gates: readonly LimitGate[];
  /** What happens to a message from authorisation on, compiled for this server: a stage that has nothing to do is not in it. */
  readonly stages: readonly Stage[];
}

export interface Snapshot {
  readonly version: number;
  readonly servers: ReadonlyMap<string, ServerEntry>;
  readonly upstreams: ReadonlyMap<string, UpstreamEntry>;
  readonly revokedTokenIds: ReadonlySet<string>;
}

export interface SnapshotHolder {
  readonly current: Snapshot;
  swap(input: SnapshotInput): void;
}

/** @param compileStages the stages for a server with these gates */
export function createSnapshotHolder(compileStages: (gates: readonly LimitGate[]) => readonly Stage[]): SnapshotHolder {
  const limits = new LimitBook();
  let current: Snapshot = { version: -1, servers: new Map(), upstreams: new Map(), revokedTokenIds: new Set() };
  return {
    get current() {
      return current;
    },
    swap(input) {
      // Two rebuilds can overlap; the older reading must not win.
      if (input.version < current.version) return;
      current = compile(input, limits, compileStages);
    },
  };
}

function compile(input: SnapshotInput, limits: LimitBook, compileStages: (gates: readonly LimitGate[]) => readonly Stage[]): Snapshot {
  const nowMs = Date.now();
  const toolsByUpstream = groupTools(input.tools);
  const upstreams = new Map(input.upstreams.map((row) => [row.id, upstreamEntry(row, toolsByUpstream.get(row.id) ?? [])]));
  const servers = new Map<string, ServerEntry>();
  for (const row of input.servers) {
    const upstream = row.mirrorGatewayId === null ? undefined : upstreams.get(row.mirrorGatewayId);
    if (upstream === undefined) continue;
    const gates = [
      limits.gate(`server:${row.id}`, `server "${row.name}"`, row.limits, nowMs),
      limits.gate(`upstream:${upstream.id}`, `gateway "${upstream.row.name}"`, upstream.row.limits, nowMs),
    ].filter((gate) => gate !== undefined);
    servers.set(row.id, serverEntry(row, upstream, gates, compileStages(gates)));
  }
  limits.keepOnly(new Set([...input.servers.map(({ id }) => `server:${id}`), ...input.upstreams.map(({ id }) => `upstream:${id}`)]));
  return { version: input.version, servers, upstreams, revokedTokenIds: new Set(input.revokedTokenIds) };
}

function groupTools(rows: readonly ToolRow[]): Map<string, ToolRow[]> {
  const groups = new Map<string, ToolRow[]>();
  for (const row of rows) {
    const group = groups.get(row.upstreamId);
    if (group === undefined) groups.set(row.upstreamId, [row]);
    else group.push(row);
  }
  return groups;
}

function upstreamEntry(row: UpstreamRow, toolRows: readonly ToolRow[]): UpstreamEntry {
  const tools = new Map<string, ToolEntry>();
  let hasHiddenTools = false;
  for (const tool of toolRows) {
    hasHiddenTools ||= !tool.enabled || tool.visibility !== 'public';
    const { id, visibility, ownerEmail, teamId, enabled } = tool;
    tools.set(tool.originalName, { kind: 'tool', id, visibility, ownerEmail, teamId, enabled, name: tool.originalName });
  }
  const { id, visibility, ownerEmail, teamId, enabled } = row;
  return { kind: 'gateway', id, visibility, ownerEmail, teamId, enabled, row, tools, hasHiddenTools };
}

function serverEntry(row: ServerRow, upstream: UpstreamEntry, gates: readonly LimitGate[], stages: readonly Stage[]): ServerEntry {
  const { id, name, visibility, ownerEmail, teamId, enabled } = row;
  return { kind: 'server', id, name, visibility, ownerEmail, teamId, enabled, upstream, gates, stages };
}
