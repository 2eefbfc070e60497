// Combined servers for tests: upstreams are registered, and a server is made of all or of some that they list.
import type { StartedGateway } from '../../kit/gateway.ts';
import { eventually } from './wire.ts';
import type { Door } from './doors.ts';

/** A row of GET /tools, /resources or /prompts. */
export interface ItemShown {
  readonly id: string;
  readonly name: string;
  readonly originalName: string;
  readonly uri?: string;
  readonly uriTemplate?: string | null;
  readonly gatewayId: string;
}

export type Noun = 'tools' | 'resources' | 'prompts';

export interface CombinedDoor extends Door {
  readonly serverId: string;
  /** By name. */
  readonly gatewayIds: Readonly<Record<string, string>>;
}

/** @returns its id; throws what the gateway says */
export async function register(gateway: StartedGateway, name: string, url: string, more: object = {}): Promise<string> {
  const { status, body } = await gateway.api('POST', '/gateways', { name, url, transport: 'STREAMABLEHTTP', ...more });
  if (status !== 200) throw new Error(`POST /gateways: ${status} ${JSON.stringify(body)}`);
  return body.id as string;
}

export async function items(gateway: StartedGateway, noun: Noun, gatewayId: string): Promise<ItemShown[]> {
  return (await gateway.api('GET', `/${noun}?limit=0&include_inactive=true&gateway_id=${gatewayId}`)).body as ItemShown[];
}

/** A server of everything that these upstreams list, registered under these names. */
export async function combinedOf(
  gateway: StartedGateway,
  upstreams: readonly { readonly name: string; readonly url: string; readonly more?: object }[],
  server: object = {},
): Promise<CombinedDoor> {
  const gatewayIds: Record<string, string> = {};
  const members: Record<Noun, string[]> = { tools: [], resources: [], prompts: [] };
  for (const { name, url, more } of upstreams) {
    const id = await register(gateway, name, url, more);
    gatewayIds[name] = id;
    for (const noun of ['tools', 'resources', 'prompts'] as const) members[noun].push(...(await items(gateway, noun, id)).map((item) => item.id));
  }
  const { status, body } = await gateway.api('POST', '/servers', {
    server: {
      name: `all of ${Object.keys(gatewayIds).join(' and ')}`,
      associated_tools: members.tools,
      associated_resources: members.resources,
      associated_prompts: members.prompts,
      ...server,
    },
  });
  if (status !== 201) throw new Error(`POST /servers: ${status} ${JSON.stringify(body)}`);
  return { ...everythingAt(gateway, `/servers/${body.id}/mcp`), serverId: body.id, gatewayIds };
}

/** The door to all that a caller may see. */
export function everythingAt(gateway: StartedGateway, path = '/mcp', token = gateway.token): Door {
  return { url: `${gateway.url}${path}`, headers: { authorization: `Bearer ${token}` } };
}

/** Waits until the rows of a gateway's items are as they should be. */
export function untilItems(gateway: StartedGateway, noun: Noun, gatewayId: string, fits: (rows: ItemShown[]) => boolean): Promise<ItemShown[]> {
  return eventually(async () => {
    const rows = await items(gateway, noun, gatewayId);
    return fits(rows) ? rows : undefined;
  });
}
