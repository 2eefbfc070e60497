// Every message of a mirrored session is recorded: who said what, through which server, and how it ended.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';
import { as, mirrorOf, modern, openSession, post, textOf, toolCall, type Door } from './checklist/doors.ts';
import type { AuditRow } from './checklist/audit.ts';
import { eventually } from './checklist/wire.ts';

let gateway: StartedGateway;
let fixture: Fixture;
let door: Door & { gatewayId: string; serverId: string };

beforeAll(async () => {
  gateway = await startGateway();
  fixture = await startFixture();
  door = await mirrorOf(gateway, fixture.url);
});
afterAll(async () => {
  await gateway?.stop();
  await fixture?.close();
});

describe('the audit trail', () => {
  test('has every message of a mirrored session: calls, notes, questions, replies and what the server told', async () => {
    const jti = 'audited-token';
    const mine = as(door, await gateway.tokenFor({ sub: 'auditor@example.com', is_admin: true, teams: null, jti }));
    const session = await openSession(mine, '2025-11-25', { sampling: {} });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const call = await post(session, toolCall('c', 'test_sampling', { prompt: 'p' }, { _meta: { traceparent } }));
    const asked = JSON.parse((await call.message()) ?? '{}') as { id: unknown };
    await post(
      session,
      JSON.stringify({ jsonrpc: '2.0', id: asked.id, result: { role: 'assistant', content: { type: 'text', text: 'secret words' }, model: 'm' } }),
    );
    expect(textOf(await call.answer())).toContain('secret words');
    await (await post(session, toolCall('p', 'test_tool_with_progress', {}, { _meta: { progressToken: 1 } }))).messages();
    await (await post(session, toolCall('e', 'test_error_handling'))).messages();
    await (await modern(mine, 'tools/call', { name: 'rpc_error', arguments: { code: -32000, message: 'm' } })).answer();
    const rows = await eventually(async () => {
      const found = ((await gateway.api('GET', '/audit-trails?limit=1000&user_id=auditor@example.com')).body as AuditRow[]).filter(
        (row) => row.token_id === jti,
      );
      return found.length >= 11 && found;
    });
    const kinds = rows.map(({ direction, method, resource_name: name, outcome }) =>
      [direction, method, name, outcome].filter((part) => part !== null && part !== '').join(' '),
    );
    expect(new Set(kinds)).toEqual(
      new Set([
        'call initialize ok',
        'note notifications/initialized ok',
        'call tools/call test_sampling ok',
        'ask sampling/createMessage ok',
        'reply ok',
        'call tools/call test_tool_with_progress ok',
        'tell notifications/progress ok',
        'call tools/call test_error_handling tool_error',
        'call tools/call rpc_error rpc_error',
      ]),
    );
    expect(kinds.filter((kind) => kind === 'tell notifications/progress ok')).toHaveLength(3);
    expect(rows.find(({ resource_name: name }) => name === 'test_sampling')?.trace_id).toBe('0af7651916cd43dd8448eb211c80319c');
    for (const row of rows) expect(row).toMatchObject({ user_email: 'auditor@example.com', server_id: door.serverId, gateway_id: door.gatewayId });
    expect(JSON.stringify(rows)).not.toMatch(/secret words|Bearer/);
  });
});
