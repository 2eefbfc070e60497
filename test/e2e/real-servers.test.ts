// Servers that people use are registered as programs and answer through each door what they answer when a client starts them itself.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway } from '../kit/gateway.ts';
import type { StartedGateway } from '../kit/gateway.ts';
import { callTools } from '../sessions/call-tools.ts';
import type { Endpoint } from '../sessions/endpoint.ts';
import { doorTo, mirrorOfEndpoint, NODE_FIRST } from '../sessions/gateway-cell.ts';
import { ensurePython } from '../sessions/python/setup.ts';
import { REAL_SERVERS, withPrepared } from '../sessions/real-servers.ts';
import type { RealServer } from '../sessions/real-servers.ts';

/** What each call came to, in JSON with the folder's path and volatile texts replaced. */
async function play(server: RealServer, endpoint: Endpoint, folder: string): Promise<string[]> {
  const calls = JSON.parse(JSON.stringify(server.calls).replaceAll('FOLDER', folder)) as RealServer['calls'];
  return (await callTools({ endpoint, calls })).map((value) =>
    server.volatile.reduce((text, [found, standIn]) => text.replaceAll(found, standIn), JSON.stringify(value).replaceAll(folder, 'FOLDER')),
  );
}

const directly = (server: RealServer): Promise<string[]> => withPrepared(server, (endpoint, folder) => play(server, endpoint, folder));

let gateway: StartedGateway;
let settings: Record<string, string>;

beforeAll(async () => {
  settings = { PATH: NODE_FIRST, MCPGATEWAY_STDIO_COMMANDS: `node,${await ensurePython()}` };
  gateway = await startGateway({ env: settings });
});

afterAll(async () => {
  await gateway?.stop();
});

describe.each(REAL_SERVERS)('the $name server', (server) => {
  let direct: string[];

  beforeAll(async () => {
    direct = await directly(server);
  });

  test('answers the same twice when asked directly, and not with refusals alone', async () => {
    expect(await directly(server)).toEqual(direct);
    const results = direct.slice(4).map((text) => JSON.parse(text) as { isError?: boolean; refused?: string });
    const answered = results.filter(({ isError, refused }) => isError !== true && refused === undefined);
    expect(answered.length).toBeGreaterThan(results.length / 3);
    expect(direct.join('\n')).not.toContain('"refused"');
  });

  test.each(['streamableHttp', 'sse', 'stdio'] as const)('answers through the %s door as directly', async (door) => {
    const seen = await withPrepared(server, async (endpoint, folder) => {
      const mirror = await mirrorOfEndpoint(gateway, endpoint);
      return play(server, doorTo(gateway, mirror, door, settings), folder);
    });
    expect(seen).toEqual(direct);
  });
});
