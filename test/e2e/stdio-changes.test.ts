// A program behind the gateway that starts slowly, is switched off and on, or becomes another program: its clients keep their sessions.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';
import { mirrorOf, openSession, post, textOf, toolCall } from './checklist/doors.ts';

/** Longer than a call may be silent before it becomes a stream. */
const SLOW_START_MS = 6500;
const ASKABLE = { elicitation: {} };
/** Slow for clients with elicitation and nothing else; what reads its tools declares all there is. */
const SERVER = `
const [name] = process.argv.slice(1);
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const tools = [{ name: 'name', inputSchema: { type: 'object' } }];
  const isSlow = name === 'slow' && params?.capabilities?.elicitation !== undefined && params.capabilities.roots === undefined;
  if (method === 'initialize') {
    const result = { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name, version: '1' } };
    setTimeout(() => say({ id, result }), isSlow ? ${SLOW_START_MS} : 0);
  } else if (method === 'tools/list') say({ id, result: { tools } });
  else if (method === 'tools/call') say({ id, result: { content: [{ type: 'text', text: name }] } });
  else say({ id, error: { code: -32601, message: 'no such method' } });
}).on('close', () => process.exit(0));`;

let gateway: StartedGateway;

beforeAll(async () => {
  gateway = await startGateway({ env: { MCPGATEWAY_STDIO_COMMANDS: process.execPath } });
});
afterAll(async () => {
  expect(await gateway.stop()).toBe(0);
});

const program = (name: string): object => ({ url: undefined, transport: 'STDIO', command: process.execPath, args: ['-e', SERVER, name] });

async function sessionsOf(name: string) {
  const door = await mirrorOf(gateway, '', { gateway: program(name) });
  const sessions = [await openSession(door, '2025-11-25', ASKABLE), await openSession(door)];
  const names = () => Promise.all(sessions.map(async (session) => textOf(await (await post(session, toolCall(1, 'name'))).answer())));
  return { door, sessions, names };
}

test('a client whose program takes long to start has a session all the same', async () => {
  const { sessions, names } = await sessionsOf('slow');
  expect(sessions.map(({ id }) => id)).not.toContain('');
  expect(await names()).toEqual(['slow', 'slow']);
});

test('sessions go on when the program is switched off and on, and when it becomes another', async () => {
  const { door, names } = await sessionsOf('first');
  expect(await names()).toEqual(['first', 'first']);
  for (const activate of [false, true]) {
    expect((await gateway.api('POST', `/gateways/${door.gatewayId}/state?activate=${activate}`)).status).toBe(200);
  }
  expect(await names()).toEqual(['first', 'first']);
  const changed = await gateway.api('PUT', `/gateways/${door.gatewayId}`, { args: ['-e', SERVER, 'second'] });
  expect(changed.status, JSON.stringify(changed.body)).toBe(200);
  expect(await names()).toEqual(['second', 'second']);
});
