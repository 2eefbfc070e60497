// The immutable tables that every call reads. Compiled from plain rows when the control plane has changed something, and
// swapped in by one assignment; no call ever waits for it and none reads a database.
import type { Owned } from '#base/access';
import { LimitBook, type LimitGate } from './limits.ts';
import type { ItemRow, ServerRow, SnapshotInput, ToolRow, UpstreamRow } from './snapshot-input.ts';
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
  /** Limits of the upstream itself. */
  readonly gates: readonly LimitGate[];
}

/** An item of an upstream, as servers that combine several show it. */
export interface ItemEntry extends Owned {
  readonly row: ItemRow;
  readonly upstream: UpstreamEntry;
}

export interface ServerEntry extends Owned {
  readonly name: string;
  /** What stands behind it: the mirrored upstream, or for a combined server itself, as an upstream that combines others. */
  readonly upstream: UpstreamEntry;
  /** What a combined server combines; undefined for a mirror. */
  readonly items: readonly ItemEntry[] | undefined;
  /** Limits of the server and of its upstream; empty when none is set. */
  readonly gates: readonly LimitGate[];
  /** What happens to a message from authorisation on, compiled for this server: a stage that has nothing to do is not in it. */
  readonly stages: readonly Stage[];
}

export interface Snapshot {
  readonly version: number;
  /** By id; under '' the one that combines everything. */
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
  const upstreams = new Map(
    input.upstreams.map((row) => {
      const gate = limits.gate(`upstream:${row.id}`, `gateway "${row.name}"`, row.limits, nowMs);
      return [row.id, upstreamEntry(row, toolsByUpstream.get(row.id) ?? [], gate === undefined ? [] : [gate])];
    }),
  );
  const items = new Map<string, ItemEntry>();
  for (const row of input.items) {
    const upstream = upstreams.get(row.upstreamId);
    if (upstream !== undefined) items.set(row.id, itemEntry(row, upstream));
  }
  const servers = new Map<string, ServerEntry>();
  for (const row of input.servers) {
    const gate = limits.gate(`server:${row.id}`, `server "${row.name}"`, row.limits, nowMs);
    const ownGates = gate === undefined ? [] : [gate];
    if (row.mirrorGatewayId === null) {
      const combined = row.itemIds.flatMap((id) => items.get(id) ?? []);
      servers.set(row.id, serverEntry(row, combinedUpstream(row, upstreams), combined, ownGates, compileStages(ownGates)));
      continue;
    }
    const upstream = upstreams.get(row.mirrorGatewayId);
    if (upstream === undefined) continue;
    const gates = [...ownGates, ...upstream.gates];
    servers.set(row.id, serverEntry(row, upstream, undefined, gates, compileStages(gates)));
  }
  servers.set('', serverEntry(EVERYTHING, combinedUpstream(EVERYTHING, upstreams), [...items.values()], [], compileStages([])));
  limits.keepOnly(new Set([...input.servers.map(({ id }) => `server:${id}`), ...input.upstreams.map(({ id }) => `upstream:${id}`)]));
  return { version: input.version, servers, upstreams, revokedTokenIds: new Set(input.revokedTokenIds) };
}

/** The server behind /mcp: all that each caller may see. */
const EVERYTHING: ServerRow = {
  id: '',
  name: 'everything',
  enabled: true,
  visibility: 'public',
  ownerEmail: null,
  teamId: null,
  limits: { callsPerMinute: null, concurrent: null },
  mirrorGatewayId: null,
  itemIds: [],
};

/** A combined server as an upstream: its calls are limited where they go, and each item has its own visibility. */
function combinedUpstream(server: ServerRow, upstreams: ReadonlyMap<string, UpstreamEntry>): UpstreamEntry {
  const passthroughHeaders = [...new Set([...upstreams.values()].flatMap(({ row }) => row.passthroughHeaders))];
  const row: UpstreamRow = {
    id: server.id,
    name: server.name,
    isCombined: true,
    transport: 'STREAMABLEHTTP',
    url: '',
    process: undefined,
    stdioIsolation: 'auto',
    enabled: true,
    visibility: 'public',
    ownerEmail: null,
    teamId: null,
    limits: { callsPerMinute: null, concurrent: null },
    headers: [],
    passthroughHeaders,
    modern: true,
    legacy: true,
    protocolVersion: null,
    capabilities: {},
    instructions: null,
    staleSince: null,
  };
  return upstreamEntry(row, [], []);
}

function itemEntry(row: ItemRow, upstream: UpstreamEntry): ItemEntry {
  const { id, visibility, ownerEmail, teamId, enabled } = row;
  const kind = row.kind === 'template' ? 'resource' : row.kind;
  return { kind, id, visibility, ownerEmail, teamId, enabled, row, upstream };
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

function upstreamEntry(row: UpstreamRow, toolRows: readonly ToolRow[], gates: readonly LimitGate[]): UpstreamEntry {
  const tools = new Map<string, ToolEntry>();
  let hasHiddenTools = false;
  for (const tool of toolRows) {
    hasHiddenTools ||= !tool.enabled || tool.visibility !== 'public';
    const { id, visibility, ownerEmail, teamId, enabled } = tool;
    tools.set(tool.originalName, { kind: 'tool', id, visibility, ownerEmail, teamId, enabled, name: tool.originalName });
  }
  const { id, visibility, ownerEmail, teamId, enabled } = row;
  return { kind: 'gateway', id, visibility, ownerEmail, teamId, enabled, row, tools, hasHiddenTools, gates };
}

function serverEntry(
  row: ServerRow,
  upstream: UpstreamEntry,
  items: readonly ItemEntry[] | undefined,
  gates: readonly LimitGate[],
  stages: readonly Stage[],
): ServerEntry {
  const { id, name, visibility, ownerEmail, teamId, enabled } = row;
  return { kind: 'server', id, name, visibility, ownerEmail, teamId, enabled, upstream, items, gates, stages };
}
