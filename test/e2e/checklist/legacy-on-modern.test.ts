// Checklist points 43 to 46 for clients with sessions in front of a server that knows only requests which describe themselves: its
// questions reach the client as real requests, and everything that belongs to a session is the gateway's to keep (protocol.md 2.3).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { mirrorOfCopy, startCopy, type Copy } from './copies.ts';
import { getStream, notification, openSession, post, request, textOf, toolCall, type ClientSession, type Door } from './doors.ts';
import { eventually, type OpenAnswer } from './wire.ts';

const CAPABILITIES = { roots: { listChanged: true }, sampling: { tools: {} }, elicitation: { form: {}, url: {} } };
const KINDS = ['streamable HTTP', 'stdio'] as const;

let gateway: StartedGateway;
const copies = new Map<string, { copy: Copy; door: Door }>();

beforeAll(async () => {
  gateway = await startGateway();
  for (const kind of KINDS) {
    const copy = await startCopy(kind, 'modern');
    copies.set(kind, { copy, door: await mirrorOfCopy(gateway, copy) });
  }
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([...copies.values()].map(({ copy }) => copy.close()));
});

interface Question {
  readonly id: unknown;
  readonly method: string;
  readonly params?: Record<string, unknown>;
}

async function question(stream: OpenAnswer): Promise<Question> {
  for (;;) {
    const text = await stream.message();
    if (text === undefined) throw new Error('the stream has ended without a question');
    const message = JSON.parse(text) as Question;
    if (message.id !== undefined && message.method !== undefined) return message;
  }
}

async function reply(session: Door, id: unknown, answer: object): Promise<void> {
  const accepted = await post(session, JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
  expect([accepted.status, (await accepted.bytes()).length]).toEqual([202, 0]);
}

const sampled = (text: string) => ({ result: { role: 'assistant', content: { type: 'text', text }, model: 'm' } });

describe.each(KINDS)('point 43: over %s', (kind) => {
  const open = (version = '2025-11-25', capabilities: object = CAPABILITIES): Promise<ClientSession> =>
    openSession((copies.get(kind) as { door: Door }).door, version, capabilities);

  test('point 43: initialize is answered with what the server says of itself, and nothing of the newer era', async () => {
    const { initialized, id } = await open();
    const { result } = JSON.parse(initialized) as { result: Record<string, unknown> };
    expect(id).not.toBe('');
    expect(Object.keys(result).toSorted()).toEqual(['capabilities', 'instructions', 'protocolVersion', 'serverInfo']);
    expect(result).toMatchObject({ protocolVersion: '2025-11-25', capabilities: { resources: { subscribe: true }, logging: {} } });
  });

  test('point 43: calls', async () => {
    const session = await open();
    expect(await (await post(session, toolCall(7, 'test_simple_text'))).answer()).toMatchObject({ id: 7, result: { content: [{ type: 'text' }] } });
    const call = await post(session, toolCall('c', 'test_sampling', { prompt: 'p' }));
    const asked = await question(call);
    expect(asked.method).toBe('sampling/createMessage');
    await reply(session, asked.id, sampled('Paris'));
    expect(textOf(await call.answer())).toBe('LLM response: Paris');
  });
});
