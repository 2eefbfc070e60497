// Rows of upstreams and items for tests of combined servers, compiled by the gateway's own snapshot code.
import type { Principal } from '../../src/base/access/index.ts';
import { scanMessage, type ClientNeed, type ItemKind } from '../../src/base/protocol/index.ts';
import type { ItemRow, ServerEntry, ServerRow, Snapshot, UpstreamRow } from '../../src/data-plane/gateway/index.ts';
import { createSnapshotHolder } from '../../src/data-plane/gateway/snapshot.ts';
import type { CallerView } from '../../src/data-plane/upstream/combined/caller-view.ts';
import type { ClientMemory } from '../../src/data-plane/upstream/combined/client-memory.ts';
import { LinkOwners } from '../../src/data-plane/upstream/combined/link-owners.ts';
import { TaskOwners } from '../../src/data-plane/upstream/combined/task-owners.ts';

export function upstreamRow(id: string, more: Partial<UpstreamRow> = {}): UpstreamRow {
  return {
    id,
    name: id,
    transport: 'STREAMABLEHTTP',
    url: `http://127.0.0.1/${id}`,
    process: undefined,
    stdioIsolation: 'auto',
    enabled: true,
    visibility: 'public',
    ownerEmail: null,
    teamId: null,
    limits: { callsPerMinute: null, concurrent: null },
    headers: [],
    passthroughHeaders: [],
    modern: true,
    legacy: true,
    protocolVersion: '2026-07-28',
    capabilities: { tools: {}, resources: { subscribe: true }, prompts: {}, logging: {}, completions: {} },
    instructions: null,
    staleSince: null,
    ...more,
  };
}

export function itemRow(kind: ItemKind, upstreamId: string, key: string, more: Partial<ItemRow> = {}): ItemRow {
  const name = kind === 'tool' || kind === 'prompt' ? `${upstreamId}-${key}` : '';
  const keyName = { tool: 'name', prompt: 'name', resource: 'uri', template: 'uriTemplate' }[kind];
  return {
    id: `${kind} ${upstreamId} ${key}`,
    upstreamId,
    kind,
    key,
    name,
    formerNames: [],
    json: JSON.stringify({ [keyName]: key, x: 1 }),
    enabled: true,
    visibility: 'public',
    ownerEmail: null,
    teamId: null,
    tags: [],
    needs: [],
    overrides: {},
    ...more,
  };
}

export function snapshotOf(upstreams: readonly UpstreamRow[], items: readonly ItemRow[], servers: readonly ServerRow[] = []): Snapshot {
  const holder = createSnapshotHolder(() => []);
  holder.swap({ version: 1, upstreams, servers, items, revokedTokenIds: [] });
  return holder.current;
}

/** For routes of a client that was given and made nothing yet. */
export const NOTHING_KNOWN: readonly [ClientMemory, Snapshot] = [{ tasks: new TaskOwners(1), links: new LinkOwners(1) }, snapshotOf([], [])];

export function everything(snapshot: Snapshot): ServerEntry {
  const server = snapshot.servers.get('');
  if (server === undefined) throw new Error('There is no server of everything');
  return server;
}

export function principal(more: Partial<Principal> = {}): Principal {
  return {
    key: 'test ann',
    subject: 'ann',
    email: 'ann@example.com',
    isAdmin: false,
    reach: { teams: [] },
    scopes: undefined,
    audience: undefined,
    tokenId: undefined,
    via: 'jwt',
    ...more,
  };
}

export function viewOf(who: Partial<Principal> = {}, declares: readonly ClientNeed[] = [], era: CallerView['era'] = 'legacy'): CallerView {
  return { principal: principal(who), declares: new Set(declares), era };
}

export function request(method: string, params: object = {}): { text: string; message: ReturnType<typeof scanMessage>; body: Buffer } {
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
  const text = body.toString('latin1');
  return { text, message: scanMessage(text), body };
}
