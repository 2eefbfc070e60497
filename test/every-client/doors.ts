// server-everything, and the gateway in front of it: where a client of each kind connects, directly and either way through the gateway.
import { startGateway } from '../kit/gateway.ts';
import type { HttpEndpoint } from '../sessions/endpoint.ts';
import { startEverythingServer } from '../sessions/everything-server.ts';
import type { ClientKind } from './client-words.ts';

export type Way = 'directly' | 'through a mirror' | 'through a combined server';

/** The name of the upstream of the combined server, which it puts before names. */
export const GATEWAY = 'everything';

export interface Doors {
  /** Each for a caller of its own, since a server may keep things with a session and one caller's clients may share one. */
  open(kind: ClientKind, way: Way): Promise<HttpEndpoint>;
  /** What the gateway has printed: an error that a client has seen only as a broken connection is there. */
  printed(): string;
  stop(): Promise<void>;
}

export async function startDoors(): Promise<Doors> {
  // What a session adds to server-everything goes when another session of the same process adds it too: a process for each way. What it
  // tells a client of 2024 that has just connected depends on its transport: it is mirrored over the one that client has.
  const start = (transport: 'streamableHttp' | 'sse') => startEverythingServer(transport, { hasShortTasks: true });
  const [gateway, direct, mirrored, combined, directSse, mirroredSse] = await Promise.all([
    startGateway(),
    ...([start('streamableHttp'), start('streamableHttp'), start('streamableHttp'), start('sse'), start('sse')] as const),
  ]);
  const post = async (path: string, body: object): Promise<string> => {
    const answer = await gateway.api('POST', path, body);
    if (answer.status >= 300) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body.id;
  };
  const mirrorOf = async (name: string, url: string, transport: string): Promise<string> =>
    post('/servers', { server: { name, mirrorGatewayId: await post('/gateways', { name: `${name}ed`, url, transport }) } });
  const combinationOf = async (url: string): Promise<string> => {
    const gatewayId = await post('/gateways', { name: GATEWAY, url, transport: 'STREAMABLEHTTP' });
    const ids = async (noun: string): Promise<string[]> =>
      ((await gateway.api('GET', `/${noun}?limit=0&gateway_id=${gatewayId}`)).body as { id: string }[]).map(({ id }) => id);
    const [associated_tools, associated_resources, associated_prompts] = await Promise.all(['tools', 'resources', 'prompts'].map(ids));
    return post('/servers', { server: { name: 'combined', associated_tools, associated_resources, associated_prompts } });
  };
  const servers = {
    mirror: await mirrorOf('mirror', mirrored.url, 'STREAMABLEHTTP'),
    sseMirror: await mirrorOf('sse mirror', mirroredSse.url, 'SSE'),
    combined: await combinationOf(combined.url),
  };

  return {
    async open(kind, way) {
      const isSse = kind === '2024 over SSE';
      const transport = isSse ? 'sse' : 'streamableHttp';
      if (way === 'directly') return { transport, url: isSse ? directSse.url : direct.url };
      const server = servers[way === 'through a combined server' ? 'combined' : isSse ? 'sseMirror' : 'mirror'];
      const token = await gateway.tokenFor({ sub: `${kind.replaceAll(' ', '-')}@example.com`, is_admin: true, teams: null });
      return {
        transport,
        url: `${gateway.url}/servers/${server}/${isSse ? 'sse' : 'mcp'}`,
        headers: { authorization: `Bearer ${token}` },
      };
    },
    printed: () => gateway.output(),
    async stop() {
      await gateway.stop();
      await Promise.all([direct, mirrored, combined, directSse, mirroredSse].map((server) => server.stop()));
    },
  };
}
