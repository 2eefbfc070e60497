import { expect, test } from 'vitest';
import { AppError } from '#base/kernel';
import type { ClientAnswer, ClientRequest, Gateway } from '#data-plane/gateway';
import { createRestCalls } from './rest-calls.ts';

const JSON_HEAD = { status: 200, kind: 'json', headers: [], contentLength: undefined } as const;

async function called(
  answer: (to: ClientAnswer, id: string) => void,
  signal = new AbortController().signal,
): Promise<{ outcome: unknown; request: ClientRequest }> {
  const requests: ClientRequest[] = [];
  const gateway = {
    handle(request: ClientRequest, to: ClientAnswer) {
      requests.push(request);
      answer(to, request.envelope.id as string);
    },
  } as unknown as Gateway;
  const headers = { authorization: 'Bearer t', 'x-team': 'red', 'mcp-session-id': 's', 'mcp-method': 'x', 'content-length': '2' };
  const caller = { headers, clientAddress: '127.0.0.1', signal };
  const outcome = await createRestCalls(gateway)
    .call('resources/read', { uri: 'x://ä' }, caller)
    .catch((error: unknown) => error);
  return { outcome, request: requests[0] as ClientRequest };
}

const saying = (text: (id: string) => string) => called((to, id) => to.reply(JSON_HEAD, Buffer.from(text(id))));

test('a call goes to the server of everything in its caller’s name, as a message of its own', async () => {
  const { outcome, request } = await saying((id) => `{"jsonrpc":"2.0","id":${id},"result":{"a":"ä"}}`);
  expect(outcome).toEqual({ a: 'ä' });
  expect(request).toMatchObject({ verb: 'POST', era: 'legacy', serverId: '', envelope: { method: 'resources/read', name: undefined } });
  expect(JSON.parse(request.body.toString())).toMatchObject({ params: { uri: 'x://ä' } });
  expect(request.headers).toEqual({
    authorization: 'Bearer t',
    'x-team': 'red',
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-protocol-version': '2025-11-25',
  });
});

test('what the gateway refuses is thrown as it is, what the upstream refuses with its number', async () => {
  const limit = new AppError('limit.rate', 'Later.');
  expect((await called((to) => to.fail(limit))).outcome).toBe(limit);
  const { outcome } = await saying((id) => `{"jsonrpc":"2.0","id":${id},"error":{"code":-32002,"message":"gone"}}`);
  expect(outcome).toMatchObject({ code: 'upstream.error', message: 'gone', data: { rpcCode: -32002 } });
});

test.each(['{"jsonrpc":"2.0","id":1', '[]', '{"jsonrpc":"2.0","id":1,"result":7}', `{"jsonrpc":"2.0","id":1,"result":{"a":${'['.repeat(9000)}`])(
  'what is no answer is the upstream’s fault: %.40s',
  async (text) => {
    expect((await saying(() => text)).outcome).toMatchObject({ code: 'upstream.bad_answer' });
  },
);

test('who goes away leaves nothing waiting', async () => {
  const gone = new AbortController();
  const { outcome } = await called((to) => {
    expect(to.isGone).toBe(false);
    gone.abort();
    expect(to.isGone).toBe(true);
  }, gone.signal);
  expect(outcome).toMatchObject({ code: 'request.timeout' });
});
