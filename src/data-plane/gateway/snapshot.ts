// The immutable tables that every call reads. Compiled from plain rows when the control plane has changed something, and
// swapped in by one assignment; no call ever waits for it and none reads a database.
import type { Owned } from '#base/access';
import { matcherOf, type ItemKind, type UriMatcher } from '#base/protocol';
import { LimitBook, type LimitGate } from './limits.ts';
import type { ItemRow, ServerRow, SnapshotInput, UpstreamRow } from './snapshot-input.ts';
import type { Stage } from './stages/stage.ts';

export interface UpstreamEntry extends Owned {
  readonly row: UpstreamRow;
  /** By the upstream's own names; for a combined server by published ones. */
  readonly tools: ReadonlyMap<string, ItemEntry>;
  readonly prompts: ReadonlyMap<string, ItemEntry>;
  /** By URI. */
  readonly resources: ReadonlyMap<string, ItemEntry>;
  readonly templates: readonly TemplateEntry[];
  /** Kinds of which something is switched off or not public, so that lists have to be looked through. */
  readonly hidden: ReadonlySet<ItemKind>;
  /** Limits of the upstream itself. */
  readonly gates: readonly LimitGate[];
}

export interface TemplateEntry {
  readonly item: ItemEntry;
  readonly matches: UriMatcher;
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
  const upstreams = new Map(
    input.upstreams.map((row) => {
      const gate = limits.gate(`upstream:${row.id}`, `gateway "${row.name}"`, row.limits, nowMs);
      return [row.id, new Upstream(row, gate === undefined ? [] : [gate])];
    }),
  );
  const items = new Map<string, ItemEntry>();
  for (const row of input.items) {
    const upstream = upstreams.get(row.upstreamId);
    if (upstream === undefined) continue;
    const item = itemEntry(row, upstream);
    items.set(row.id, item);
    upstream.add(item, row.key);
  }
  const servers = new Map<string, ServerEntry>();
  for (const row of input.servers) {
    const gate = limits.gate(`server:${row.id}`, `server "${row.name}"`, row.limits, nowMs);
    const ownGates = gate === undefined ? [] : [gate];
    if (row.mirrorGatewayId === null) {
      const combined = row.itemIds.flatMap((id) => items.get(id) ?? []);
      servers.set(row.id, serverEntry(row, combinedUpstream(row, combined, upstreams), combined, ownGates, compileStages(ownGates)));
      continue;
    }
    const upstream = upstreams.get(row.mirrorGatewayId);
    if (upstream === undefined) continue;
    const gates = [...ownGates, ...upstream.gates];
    servers.set(row.id, serverEntry(row, upstream, undefined, gates, compileStages(gates)));
  }
  const all = [...items.values()];
  servers.set('', serverEntry(EVERYTHING, combinedUpstream(EVERYTHING, all, upstreams), all, [], compileStages([])));
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
function combinedUpstream(server: ServerRow, items: readonly ItemEntry[], upstreams: ReadonlyMap<string, UpstreamEntry>): UpstreamEntry {
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
  const entry = new Upstream(row, []);
  // Its lists are made for each caller; nothing has to be taken out of them afterwards.
  for (const item of items) if (item.row.kind === 'tool') entry.tools.set(item.row.name, item);
  return entry;
}

function itemEntry(row: ItemRow, upstream: UpstreamEntry): ItemEntry {
  const { id, visibility, ownerEmail, teamId, enabled } = row;
  const kind = row.kind === 'template' ? 'resource' : row.kind;
  return { kind, id, visibility, ownerEmail, teamId, enabled, row, upstream };
}

/** An upstream to which its items are added while the tables are compiled; nobody changes it afterwards. */
class Upstream implements UpstreamEntry {
  readonly kind = 'gateway';
  readonly row: UpstreamRow;
  readonly gates: readonly LimitGate[];
  readonly id: string;
  readonly visibility: Owned['visibility'];
  readonly ownerEmail: string | null;
  readonly teamId: string | null;
  readonly enabled: boolean;
  readonly tools = new Map<string, ItemEntry>();
  readonly prompts = new Map<string, ItemEntry>();
  readonly resources = new Map<string, ItemEntry>();
  readonly templates: TemplateEntry[] = [];
  readonly hidden = new Set<ItemKind>();

  constructor(row: UpstreamRow, gates: readonly LimitGate[]) {
    this.row = row;
    this.gates = gates;
    this.id = row.id;
    this.visibility = row.visibility;
    this.ownerEmail = row.ownerEmail;
    this.teamId = row.teamId;
    this.enabled = row.enabled;
  }

  add(item: ItemEntry, name: string): void {
    const { kind } = item.row;
    if (!item.enabled || item.visibility !== 'public') this.hidden.add(kind);
    if (kind === 'tool') this.tools.set(name, item);
    else if (kind === 'prompt') this.prompts.set(name, item);
    else if (kind === 'resource') this.resources.set(name, item);
    else this.templates.push({ item, matches: matcherOf(name) });
  }
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
