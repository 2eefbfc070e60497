/** One cell of the matrix of transports: an upstream registered over one, reached through the gateway's door for another. */
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { COMPILE_CACHE, TEST_SECRET } from '../kit/gateway.ts';
import type { StartedGateway } from '../kit/gateway.ts';
import type { Endpoint, Transport } from './endpoint.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

/** What a gateway needs so that its children, started by name, run on the Node of the tests. */
export const NODE_FIRST = `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;

function registration(upstream: Endpoint): object {
  if (upstream.transport === 'stdio') {
    const command = upstream.command === process.execPath ? 'node' : upstream.command;
    return { transport: 'STDIO', url: undefined, command, args: upstream.args, ...(upstream.env === undefined ? {} : { env: upstream.env }) };
  }
  // An upstream that has ended may have had the same port.
  return { transport: upstream.transport === 'sse' ? 'SSE' : 'STREAMABLEHTTP', url: `${upstream.url}?upstream=${randomUUID()}` };
}

export interface Mirror {
  readonly serverId: string;
  readonly gatewayId: string;
}

/** Registers `upstream` and a mirror of it. */
export function mirrorOfEndpoint(gateway: StartedGateway, upstream: Endpoint): Promise<Mirror> {
  return gateway.registerMirror('', { gateway: registration(upstream) });
}

/**
 * The gateway's door of this transport to a mirror: a URL, or `mcpgateway stdio` on the same database, a process of its own whose
 * further settings are `env`.
 */
export function doorTo(gateway: StartedGateway, { serverId }: Mirror, transport: Transport, env: Readonly<Record<string, string>> = {}): Endpoint {
  if (transport !== 'stdio') {
    const url = `${gateway.url}/servers/${serverId}/${transport === 'sse' ? 'sse' : 'mcp'}`;
    return { transport, url, headers: { authorization: `Bearer ${gateway.token}` } };
  }
  return {
    transport,
    command: process.execPath,
    args: ['--conditions=source', MAIN, 'stdio', '--server', serverId],
    env: {
      PATH: NODE_FIRST,
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      DATABASE_URL: `sqlite:///${join(gateway.folder, 'gateway.db')}`,
      JWT_SECRET_KEY: TEST_SECRET,
      AUTH_ENCRYPTION_SECRET: `${TEST_SECRET}-encryption`,
      LOG_LEVEL: 'WARNING',
      ...env,
    },
  };
}
