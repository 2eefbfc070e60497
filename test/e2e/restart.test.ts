// What an operator finds after a restart, and below a path prefix.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { startFixture } from '../fixture/server.ts';
import { startGateway } from '../kit/gateway.ts';

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true, force: true })));

it('after a restart upstreams are looked at without waiting for a call: the good one is ready, the dead one says why', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mcpgateway-restart-'));
  folders.push(folder);
  const good = await startFixture();
  const dead = await startFixture();
  const first = await startGateway({ folder });
  const { gatewayId } = await first.registerMirror(good.url);
  const { gatewayId: deadId } = await first.registerMirror(dead.url);
  await first.stop();
  await dead.close();
  const second = await startGateway({ folder });
  try {
    await vi.waitFor(
      async () => {
        expect((await second.api('GET', `/gateways/${gatewayId}`)).body).toMatchObject({ reachable: true });
        expect((await second.api('GET', `/gateways/${deadId}`)).body).toMatchObject({
          reachable: false,
          lastError: { code: 'upstream.unreachable' },
        });
      },
      { timeout: 15_000, interval: 100 },
    );
  } finally {
    await second.stop();
    await good.close();
  }
});

it('below a path prefix the root answers with and without a query', async () => {
  const gateway = await startGateway({ env: { APP_ROOT_PATH: '/gw' } });
  try {
    for (const path of ['/gw', '/gw?x=1', '/gw/', '/gw/health?x=1']) expect((await gateway.api('GET', path)).status, path).toBe(200);
  } finally {
    await gateway.stop();
  }
});
