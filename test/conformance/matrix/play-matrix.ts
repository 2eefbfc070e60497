// Plays the whole matrix: a fixture for each revision and transport, a mirror and a combined server of each, and every client in front.
import type { StartedGateway } from '../../kit/gateway.ts';
import { playCell } from './play-cell.ts';
import type { CellResult } from './play-cell.ts';
import type { Json } from './player.ts';
import { exists, REVISIONS, SERVER_KINDS, TRANSPORTS } from './revisions.ts';
import type { Cell, Revision, ServerKind, UpstreamTransport } from './revisions.ts';
import type { Scenario } from './scenario.ts';
import type { ServerUnderTest } from './stage.ts';
import { startUpstreamCopy } from './upstream-copy.ts';

/** Which part of the matrix: cells for which it holds. */
export type Selection = (cell: Cell) => boolean;

interface ItemRow {
  readonly id: string;
  readonly name: string;
  readonly originalName: string;
}

const NOUNS = ['tools', 'resources', 'prompts'] as const;

async function created(gateway: StartedGateway, path: string, body: Json, wanted: number): Promise<string> {
  const answer = await gateway.api('POST', path, body);
  if (answer.status !== wanted) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return (answer.body as { id: string }).id;
}

/** Both kinds of server, of the one upstream. */
async function serversOf(gateway: StartedGateway, name: string, registration: Json): Promise<Record<ServerKind, ServerUnderTest>> {
  const gatewayId = await created(gateway, '/gateways', { name, ...registration }, 200);
  const rows: Record<string, ItemRow[]> = {};
  for (const noun of NOUNS) {
    rows[noun] = (await gateway.api('GET', `/${noun}?limit=0&include_inactive=true&gateway_id=${gatewayId}`)).body as ItemRow[];
  }
  const ids = (noun: string) => (rows[noun] ?? []).map(({ id }) => id);
  const mirrorId = await created(gateway, '/servers', { server: { name: `mirror of ${name}`, mirrorGatewayId: gatewayId } }, 201);
  const server = {
    name: `all of ${name}`,
    associated_tools: ids('tools'),
    associated_resources: ids('resources'),
    associated_prompts: ids('prompts'),
  };
  const combinedId = await created(gateway, '/servers', { server }, 201);
  const door = (id: string) => ({ serverUrl: `${gateway.url}/servers/${id}`, headers: { authorization: `Bearer ${gateway.token}` } });
  const shown = (noun: string) => {
    const names = new Map((rows[noun] ?? []).map((row) => [row.originalName, row.name]));
    return (original: string) => names.get(original) ?? original;
  };
  return {
    mirror: { door: door(mirrorId), tool: (original) => original, prompt: (original) => original },
    combined: { door: door(combinedId), tool: shown('tools'), prompt: shown('prompts') },
  };
}

async function playUpstream(
  gateway: StartedGateway,
  upstream: Revision,
  transport: UpstreamTransport,
  scenarios: readonly Scenario[],
  isWanted: Selection,
): Promise<CellResult[]> {
  const cells = SERVER_KINDS.flatMap((kind) => REVISIONS.map((client): Cell => ({ client, upstream, transport, kind }))).filter(isWanted);
  if (cells.length === 0) return [];
  const copy = await startUpstreamCopy(upstream, transport);
  try {
    const servers = await serversOf(gateway, `${upstream} over ${transport.replace('+', ' and ')}`, copy.registration);
    const results: CellResult[] = [];
    for (const cell of cells) results.push(await playCell(cell, servers[cell.kind], copy, scenarios));
    return results;
  } finally {
    await copy.close();
  }
}

/**
 * @param atOnce upstreams that are played on at the same time
 * @returns in the order of the axes
 */
export async function playMatrix(
  gateway: StartedGateway,
  scenarios: readonly Scenario[],
  { atOnce = 3, isWanted = () => true }: { atOnce?: number; isWanted?: Selection } = {},
): Promise<CellResult[]> {
  const upstreams = TRANSPORTS.flatMap((transport) => REVISIONS.map((upstream) => ({ upstream, transport }))).filter(exists);
  const results: CellResult[][] = upstreams.map(() => []);
  let next = 0;
  const work = async () => {
    for (let at = next++; at < upstreams.length; at = next++) {
      const { upstream, transport } = upstreams[at] ?? { upstream: REVISIONS[0], transport: TRANSPORTS[0] };
      results[at] = await playUpstream(gateway, upstream, transport, scenarios, isWanted);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results.flat();
}
