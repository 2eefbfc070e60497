// The immutable tables that every call reads. Compiled from plain rows when the control plane has changed something, and
// swapped in by one assignment; no call ever waits for it and none reads a database.
// What has not changed since stays the very object it was, so that all that was made of it – lists above all – stays good.
import { isDeepStrictEqual } from 'node:util';
import type { Owned } from '#base/access';
import { matcherOf, plainUri, wideMatcherOf, type ItemKind, type UriMatcher } from '#base/protocol';
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
  /** Resources that are not for everybody, by plainUri(): the upstream may know them by other spellings too. */
  readonly hiddenUris: ReadonlyMap<string, ItemEntry>;
  /** Limits of the upstream itself. */
  readonly gates: readonly LimitGate[];
}

export interface TemplateEntry {
  readonly item: ItemEntry;
  readonly matches: UriMatcher;
  /** Of one that is not for everybody: whatever the upstream might take for a URI of it. */
  readonly mayMatch: UriMatcher | undefined;
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

/** The stages for a server with these gates. */
export type StageCompiler = (gates: readonly LimitGate[], isStrict: boolean) => readonly Stage[];

export function createSnapshotHolder(compileStages: StageCompiler): SnapshotHolder {
  const limits = new LimitBook();
  let current: Snapshot = { version: -1, servers: new Map(), upstreams: new Map(), revokedTokenIds: new Set() };
  return {
    get current() {
      return current;
    },
    swap(input) {
      // Two rebuilds can overlap; the older reading must not win.
      if (input.version < current.version) return;
      current = compile(input, current, limits, compileStages);
    },
  };
}

function compile(input: SnapshotInput, before: Snapshot, limits: LimitBook, compileStages: StageCompiler): Snapshot {
  const nowMs = Date.now();
  const rows = Map.groupBy(input.items, (row) => row.upstreamId);
  const upstreams = new Map<string, Upstream>();
  for (const row of input.upstreams) {
    const gate = limits.gate(`upstream:${row.id}`, `gateway "${row.name}"`, row.limits, nowMs);
    const gates = gate === undefined ? NO_GATES : [gate];
    const itemRows = rows.get(row.id) ?? [];
    const known = before.upstreams.get(row.id);
    upstreams.set(row.id, known instanceof Upstream && known.isOf(row, gates, itemRows) ? known : new Upstream(row, gates, itemRows));
  }
  const items = new Map<string, ItemEntry>();
  const byName = [...upstreams.values()].sort((a, b) => (a.row.name < b.row.name ? -1 : 1));
  for (const upstream of byName) for (const item of upstream.items) items.set(item.id, item);
  const passthroughHeaders = [...new Set([...upstreams.values()].flatMap(({ row }) => row.passthroughHeaders))];

  const servers = new Map<string, ServerEntry>();
  const serve = (row: ServerRow, upstream: UpstreamEntry, combined: readonly ItemEntry[] | undefined, gates: readonly LimitGate[]): void => {
    const known = before.servers.get(row.id);
    const isSame = known instanceof Server && known.upstream === upstream && sameElements(known.gates, gates) && isDeepStrictEqual(known.row, row);
    servers.set(row.id, isSame ? known : new Server(row, upstream, combined, gates, compileStages(gates, row.strictSchema === true)));
  };
  const serveCombined = (row: ServerRow, combined: readonly ItemEntry[], gates: readonly LimitGate[]): void => {
    const known = before.servers.get(row.id);
    const isSame =
      known?.items !== undefined &&
      known.name === row.name &&
      sameElements(known.items, combined) &&
      sameElements(known.upstream.row.passthroughHeaders, passthroughHeaders);
    serve(row, isSame ? known.upstream : combinedUpstream(row, combined, passthroughHeaders), isSame ? known.items : combined, gates);
  };
  for (const row of input.servers) {
    const gate = limits.gate(`server:${row.id}`, `server "${row.name}"`, row.limits, nowMs);
    const ownGates = gate === undefined ? NO_GATES : [gate];
    if (row.mirrorGatewayId === null) {
      serveCombined(
        row,
        row.itemIds.flatMap((id) => items.get(id) ?? []),
        ownGates,
      );
      continue;
    }
    const upstream = upstreams.get(row.mirrorGatewayId);
    if (upstream !== undefined) serve(row, upstream, undefined, [...ownGates, ...upstream.gates]);
  }
  serveCombined(EVERYTHING, [...items.values()], NO_GATES);
  limits.keepOnly(new Set([...input.servers.map(({ id }) => `server:${id}`), ...input.upstreams.map(({ id }) => `upstream:${id}`)]));
  return { version: input.version, servers, upstreams, revokedTokenIds: new Set(input.revokedTokenIds) };
}

const NO_GATES: readonly LimitGate[] = [];

function sameElements<Element>(some: readonly Element[], others: readonly Element[]): boolean {
  return some.length === others.length && some.every((element, at) => element === others[at]);
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

/**
 * A combined server as an upstream: its calls are limited where they go, and each item has its own visibility.
 * @param passthroughHeaders what any upstream takes; each is given its own
 */
function combinedUpstream(server: ServerRow, items: readonly ItemEntry[], passthroughHeaders: readonly string[]): UpstreamEntry {
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
  const entry = new Upstream(row, NO_GATES, []);
  // Its lists are made for each caller; nothing has to be taken out of them afterwards.
  for (const item of items) if (item.row.kind === 'tool') entry.tools.set(item.row.name, item);
  return entry;
}

function itemEntry(row: ItemRow, upstream: UpstreamEntry): ItemEntry {
  const { id, visibility, ownerEmail, teamId, enabled } = row;
  const kind = row.kind === 'template' ? 'resource' : row.kind;
  return { kind, id, visibility, ownerEmail, teamId, enabled, row, upstream };
}

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
  readonly hiddenUris = new Map<string, ItemEntry>();
  readonly items: readonly ItemEntry[];
  readonly #itemRows: readonly ItemRow[];

  constructor(row: UpstreamRow, gates: readonly LimitGate[], itemRows: readonly ItemRow[]) {
    this.row = row;
    this.gates = gates;
    this.id = row.id;
    this.visibility = row.visibility;
    this.ownerEmail = row.ownerEmail;
    this.teamId = row.teamId;
    this.enabled = row.enabled;
    this.#itemRows = itemRows;
    // As lists show them, so that putting those of many upstreams in order is little work.
    this.items = itemRows.map((itemRow) => itemEntry(itemRow, this)).sort((a, b) => (a.row.name < b.row.name ? -1 : a.row.name > b.row.name ? 1 : 0));
    for (const item of this.items) this.#add(item, item.row.key);
  }

  /** Would one made of these be the same? */
  isOf(row: UpstreamRow, gates: readonly LimitGate[], itemRows: readonly ItemRow[]): boolean {
    return sameElements(this.gates, gates) && sameElements(this.#itemRows, itemRows) && isDeepStrictEqual(this.row, row);
  }

  #add(item: ItemEntry, name: string): void {
    const { kind } = item.row;
    const isHidden = !item.enabled || item.visibility !== 'public';
    if (isHidden) this.hidden.add(kind);
    if (kind === 'tool') this.tools.set(name, item);
    else if (kind === 'prompt') this.prompts.set(name, item);
    else if (kind === 'template') this.templates.push({ item, matches: matcherOf(name), mayMatch: isHidden ? wideMatcherOf(name) : undefined });
    else {
      this.resources.set(name, item);
      if (isHidden) this.hiddenUris.set(plainUri(name), item);
    }
  }
}

class Server implements ServerEntry {
  readonly kind = 'server';
  readonly row: ServerRow;
  readonly id: string;
  readonly name: string;
  readonly visibility: Owned['visibility'];
  readonly ownerEmail: string | null;
  readonly teamId: string | null;
  readonly enabled: boolean;
  readonly upstream: UpstreamEntry;
  readonly items: readonly ItemEntry[] | undefined;
  readonly gates: readonly LimitGate[];
  readonly stages: readonly Stage[];

  constructor(
    row: ServerRow,
    upstream: UpstreamEntry,
    items: readonly ItemEntry[] | undefined,
    gates: readonly LimitGate[],
    stages: readonly Stage[],
  ) {
    this.row = row;
    this.id = row.id;
    this.name = row.name;
    this.visibility = row.visibility;
    this.ownerEmail = row.ownerEmail;
    this.teamId = row.teamId;
    this.enabled = row.enabled;
    this.upstream = upstream;
    this.items = items;
    this.gates = gates;
    this.stages = stages;
  }
}
