// Reading resources and having prompts rendered over REST: how they are named, what comes back, and what each refusal becomes.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/base/kernel/index.ts';
import { openRig, readItem } from './rest-rig.ts';

let rig: Awaited<ReturnType<typeof openRig>>;
let gatewayId: string;
/** By URI or upstream's name. */
const ids = new Map<string, string>();
const NOTES = 'file:///my%20notes.txt';
beforeEach(async () => {
  rig = await openRig();
  rig.upstream.others = [
    readItem('resource', NOTES, { name: 'Notes', mimeType: 'text/plain' }),
    readItem('resource', 'x://asks', { name: 'Asks' }, { needs: ['sampling'] }),
    readItem('template', 'db://{table}/{row}', { name: 'Row' }),
    readItem('prompt', 'greet_user', { title: 'Greet', arguments: [{ name: 'first_name', required: true }, { name: 'how' }] }),
  ];
  gatewayId = (await rig.register()).id;
  for (const { id, uri } of (await rig.send('GET', '/resources')).body) {
    ids.set(uri, id);
    rig.calls.uris.set(id, uri);
  }
  for (const { id, originalName } of (await rig.send('GET', '/prompts')).body) ids.set(originalName, id);
});
afterEach(() => rig.close());

const encoded = encodeURIComponent;
const refusing = (rpcCode: number | null, message = 'their words'): void => {
  rig.calls.answer = () => {
    throw new AppError('upstream.error', message, { data: { rpcCode } });
  };
};
const failing = (error: AppError): void => {
  rig.calls.answer = () => {
    throw error;
  };
};

describe('the content of a resource', () => {
  beforeEach(() => {
    rig.calls.answer = (_, { uri }) => ({ contents: [{ uri, text: 'hello', _meta: { a: 1 } }] });
  });

  it.each([
    ['its id', () => ids.get(NOTES)],
    ['its id, written otherwise', () => ids.get(NOTES)?.toUpperCase()],
    ['its URI', () => NOTES],
    ['its URI, percent-encoded', () => encoded(NOTES)],
  ])('is read by %s, in the caller’s name', async (_, handle) => {
    expect((await rig.send('GET', `/resources/${handle()}`, undefined, { as: 'bob' })).body).toEqual({
      type: 'resource',
      id: ids.get(NOTES),
      uri: NOTES,
      mime_type: 'text/plain',
      text: 'hello',
      meta: { a: 1 },
    });
    expect(rig.calls.made).toEqual([{ method: 'resources/read', params: { uri: NOTES }, authorization: 'Bearer bob' }]);
  });

  it('is asked for by the URI that clients know it by, where several gateways have its own', async () => {
    rig.calls.uris.set(ids.get(NOTES) as string, `clock+${NOTES}`);
    expect((await rig.send('GET', `/resources/${encoded(NOTES)}`)).body).toMatchObject({ id: ids.get(NOTES), uri: `clock+${NOTES}` });
  });

  it('of a URI that is on no list is asked of whoever has a template for it', async () => {
    rig.calls.answer = (_, { uri }) => ({ contents: [{ uri, blob: 'AA==', mimeType: 'image/png' }] });
    const { body } = await rig.send('GET', '/resources/db://users/7');
    expect(body).toEqual({ type: 'resource', id: null, uri: 'db://users/7', mime_type: 'image/png', blob: 'AA==' });
    expect((await rig.send('GET', `/resources/${ids.get('db://{table}/{row}')}`)).status).toBe(400);
  });

  it('that has several parts is the one asked for, with all of them beside it', async () => {
    rig.calls.answer = () => ({
      contents: [
        { uri: 'file:///other', text: 'o' },
        { uri: NOTES, text: 'n', mimeType: 'text/x' },
      ],
    });
    expect((await rig.send('GET', `/resources/${ids.get(NOTES)}`)).body).toMatchObject({
      uri: NOTES,
      text: 'n',
      mime_type: 'text/x',
      contents: [{ uri: 'file:///other', text: 'o', mime_type: 'text/plain' }, { uri: NOTES }],
    });
  });

  it('is not there for what is unknown, hidden, switched off, or shown to other clients only', async () => {
    expect((await rig.send('GET', '/resources/nope')).status).toBe(404);
    expect(rig.calls.made).toEqual([]);
    await rig.send('POST', `/resources/${NOTES}/state?activate=false`);
    const off = await rig.send('GET', `/resources/${encoded(NOTES)}`);
    expect([off.status, off.body.detail]).toEqual([404, expect.stringContaining('inactive')]);
    await rig.send('POST', `/resources/${encoded(NOTES)}/state`);
    expect((await rig.send('PUT', `/resources/${NOTES}`, { visibility: 'private', title: 'Mine' })).body).toMatchObject({ title: 'Mine' });
    expect((await rig.send('GET', `/resources/${ids.get(NOTES)}`, undefined, { as: 'bob' })).status).toBe(404);
    expect((await rig.send('GET', '/resources/x://asks')).body.detail).toMatch(/sampling/);
    expect(rig.calls.made).toEqual([]);
  });

  it.each([
    [404, () => refusing(-32_002)],
    [404, () => refusing(-32_602)],
    [502, () => refusing(-32_603)],
    [502, () => refusing(null)],
    [404, () => void (rig.calls.answer = () => ({ contents: [] }))],
    [502, () => void (rig.calls.answer = () => ({}))],
    [502, () => void (rig.calls.answer = () => ({ contents: ['x'] }))],
    [404, () => failing(new AppError('resource.not_found', 'no'))],
    [429, () => failing(new AppError('limit.rate', 'no', { data: { retryAfterMs: 1500 } }))],
    [502, () => failing(new AppError('upstream.unreachable', 'no'))],
    [503, () => failing(new AppError('upstream.down', 'no'))],
    [504, () => failing(new AppError('upstream.timeout', 'no'))],
  ])('fails with %i as the call does (%#)', async (status, prepare) => {
    prepare();
    const { status: seen, headers } = await rig.send('GET', `/resources/${ids.get(NOTES)}`);
    expect(seen).toBe(status);
    expect(headers['retry-after']).toBe(status === 429 ? '2' : undefined);
  });

  it('of a URI that two gateways have is read by id, and both ids are told', async () => {
    const other = await rig.register({ name: 'Wall', url: 'http://h.example/mcp' });
    const { status, body } = await rig.send('GET', `/resources/${NOTES}`);
    expect([status, body.detail]).toEqual([400, expect.stringContaining(ids.get(NOTES) as string)]);
    await rig.send('PUT', `/gateways/${other.id}`, { visibility: 'private' });
    const seenByBob = await rig.send('GET', `/resources/${NOTES}`, undefined, { as: 'bob' });
    expect([seenByBob.status, seenByBob.body.id]).toEqual([200, ids.get(NOTES)]);
  });
});

describe('a prompt', () => {
  beforeEach(() => {
    rig.calls.answer = (_, params) => ({ messages: [{ role: 'user', content: { type: 'text', text: JSON.stringify(params) } }] });
  });

  it.each([
    ['id', () => ids.get('greet_user')],
    ['name', () => 'clock-greet-user'],
  ])('is rendered by its %s, with arguments that are passed on as they are written', async (_, handle) => {
    const args = { first_name: ' Ann ', firstName: 'b' };
    expect((await rig.send('POST', `/prompts/${handle()}`, args, { as: 'bob' })).body).toEqual({
      messages: [{ role: 'user', content: { type: 'text', text: JSON.stringify({ name: 'clock-greet-user', arguments: args }) } }],
      description: 'What greet_user does',
    });
    expect(rig.calls.made[0]).toMatchObject({ method: 'prompts/get', authorization: 'Bearer bob' });
    await rig.send('GET', `/prompts/${handle()}`);
    expect(rig.calls.made[1]?.params).toEqual({ name: 'clock-greet-user' });
  });

  it('is switched and given words by its name as well', async () => {
    expect((await rig.send('PUT', '/prompts/clock-greet-user', { custom_name: 'hail' })).body.name).toBe('clock-hail');
    await rig.send('POST', '/prompts/clock-hail/state?activate=false');
    const { status, body } = await rig.send('GET', '/prompts/clock-hail');
    expect([status, body.message]).toEqual([404, expect.stringContaining('inactive')]);
  });

  it('of a name that is on no list is left to the gateway, which knows those of former times', async () => {
    failing(new AppError('prompt.not_found', 'Unknown prompt: clock-old'));
    const { status, body } = await rig.send('POST', '/prompts/clock-old', {});
    expect([status, body]).toEqual([404, { message: 'Unknown prompt: clock-old' }]);
    expect(rig.calls.made[0]?.params).toEqual({ name: 'clock-old' });
  });

  it.each([
    [422, { message: 'their words', rpcCode: -32_602 }, -32_602, { first_name: 'x' }],
    [422, { message: 'Missing arguments: first_name. their words', rpcCode: 0 }, 0, { how: 'x' }],
    [502, { message: 'their words', rpcCode: -32_603 }, -32_603, { first_name: 'x' }],
  ])('that its upstream refuses is a %i: %j', async (status, body, rpcCode, args) => {
    refusing(rpcCode);
    expect(await rig.send('POST', `/prompts/${ids.get('greet_user')}`, args)).toMatchObject({ status, body });
  });

  it.each([{ a: 1 }, { a: null }, [], 'x', null])('takes a flat map of strings only: %j', async (body) => {
    expect((await rig.send('POST', `/prompts/${ids.get('greet_user')}`, body)).status).toBe(422);
    expect(rig.calls.made).toEqual([]);
  });

  it('without messages is the upstream’s fault', async () => {
    rig.calls.answer = () => ({ messages: 'x' });
    expect((await rig.send('GET', '/prompts/clock-greet-user')).status).toBe(502);
  });
});

describe('deleting', () => {
  it('what a gateway lists is refused, and the switch is named; what it lists no more and was kept is forgotten', async () => {
    const id = ids.get(NOTES) as string;
    await rig.send('PUT', `/resources/${id}`, { title: 'Mine' });
    const { status, body } = await rig.send('DELETE', `/resources/${id}`);
    expect([status, body.detail]).toEqual([409, expect.stringContaining(`/resources/${id}/state?activate=false`)]);
    expect((await rig.send('DELETE', `/resources/${id}`, undefined, { as: 'bob' })).status).toBe(403);

    rig.upstream.others = [];
    await rig.send('POST', `/gateways/${gatewayId}/refresh`);
    expect((await rig.send('DELETE', `/resources/${id}`, undefined, { as: 'bob' })).status).toBe(403);
    expect((await rig.send('DELETE', `/prompts/${id}`)).status).toBe(404);
    expect((await rig.send('DELETE', `/resources/${id}`)).body).toEqual({ status: 'success', message: `Resource ${id} permanently deleted` });
    expect((await rig.send('DELETE', `/resources/${id}`)).status).toBe(404);

    rig.upstream.others = [readItem('resource', NOTES, { name: 'Notes' })];
    await rig.send('POST', `/gateways/${gatewayId}/refresh`);
    const [again] = (await rig.send('GET', '/resources')).body;
    expect([again.uri, again.title]).toEqual([NOTES, null]);
    expect(again.id).not.toBe(id);
  });
});
