import { expect, test } from 'vitest';
import { answerTo, startRig, type DataPlaneRig, type PlayedCall, type PlayedClient } from './data-plane-rig.ts';

const ELICITATION =
  '{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{"a":{"type":"array"}}}}}';
const LINK = '{"type":"resource_link","uri":"a:b","name":"n"}';
const LINK_TEXT = '{"type":"text","text":"n: a:b"}';

const answerOf = (version: string): string =>
  `{"jsonrpc":"2.0", "id":0,"result":{"x":1.0,"protocolVersion":"${version}","capabilities":{},"serverInfo":{"name":"n","version":"1"}}}`;

function answerJson({ sink }: PlayedCall, ...parts: string[]): void {
  sink.head({ status: 200, kind: 'json', headers: [], contentLength: undefined, namesSession: true });
  for (const part of parts) sink.chunk(Buffer.from(part, 'latin1'));
  sink.end();
}

interface Opened {
  readonly client: PlayedClient;
  readonly session: string;
}

function openSession(rig: DataPlaneRig, asked: string, answered: string, how: 'json' | 'stream' = 'json'): Opened {
  const client = rig.post({ id: 0, method: 'initialize', params: { protocolVersion: asked } });
  const call = rig.last();
  call.observer?.session({ remember() {}, forget() {} });
  if (how === 'json') answerJson(call, answerOf(answered));
  else {
    call.sink.head({ status: 200, kind: 'stream', headers: [], contentLength: undefined, namesSession: true });
    call.says(answerOf(answered)).sink.end();
  }
  return { client, session: client.headers['mcp-session-id'] as string };
}

function versionTold({ request }: PlayedCall): string | undefined {
  const at = request.headers.indexOf('mcp-protocol-version');
  return at === -1 ? undefined : request.headers[at + 1];
}

test('a client that asks for a revision gets it, whatever the upstream answered, and every other byte as it came', () => {
  const rig = startRig();
  for (const version of ['2024-10-07', '2024-11-05', '2025-03-26', '2025-06-18'])
    expect(openSession(rig, version, '2025-11-25').client.body).toBe(answerOf(version));
  expect(openSession(rig, '2025-11-25', '2024-11-05').client.body).toBe(answerOf('2025-11-25'));
  expect(openSession(rig, '2025-03-26', '2025-11-25', 'stream').client.data).toEqual([answerOf('2025-03-26')]);
});

test('what either side knows and we do not is between them', () => {
  const rig = startRig();
  expect(openSession(rig, '1999-01-01', '2025-11-25').client.body).toBe(answerOf('2025-11-25'));
  expect(openSession(rig, '2025-03-26', '2031-01-01').client.body).toBe(answerOf('2031-01-01'));
  // Nothing would remember what was agreed upon.
  const client = rig.post({ id: 0, method: 'initialize', params: { protocolVersion: '2025-03-26' } });
  answerJson(rig.last(), answerOf('2025-11-25'));
  expect(client.body).toBe(answerOf('2025-11-25'));
});

test('each side is told the revision it has agreed upon itself', () => {
  const rig = startRig();
  const told = (session: string, sent?: string): (string | undefined)[] => {
    const headers = sent === undefined ? {} : { 'mcp-protocol-version': sent };
    return [
      () => rig.post({ id: 1, method: 'tools/list' }, { session, headers }),
      () => rig.post({ method: 'notifications/initialized' }, { session, headers }),
      () => rig.get({ session, headers }),
      () => rig.remove({ session, headers }),
    ].map((send) => {
      send();
      return versionTold(rig.last());
    });
  };
  const all = (version: string | undefined): (string | undefined)[] => Array<string | undefined>(4).fill(version);
  expect(told(openSession(rig, '2025-06-18', '2025-11-25').session, '2025-06-18')).toEqual(all('2025-11-25'));
  expect(told(openSession(rig, '2025-03-26', '2025-11-25').session)).toEqual(all('2025-11-25'));
  expect(told(openSession(rig, '2025-11-25', '2025-03-26').session, '2025-11-25')).toEqual(all('2025-03-26'));
  // An upstream that knows no such header gets none that the client did not send, and a wrong one is the upstream's to refuse.
  expect(told(openSession(rig, '2024-11-05', '2025-03-26').session)).toEqual(all(undefined));
  expect(told(openSession(rig, '2025-06-18', '2025-11-25').session, 'nonsense')).toEqual(all('nonsense'));
  expect(told(openSession(rig, '2025-06-18', '2025-06-18').session, '2025-06-18')).toEqual(all('2025-06-18'));
  expect(told(openSession(rig, '2025-03-26', '2025-03-26').session)).toEqual(all(undefined));
});

test('the revision of the upstream is named too when its stream is taken up again', async () => {
  const rig = startRig();
  const { session } = openSession(rig, '2025-03-26', '2025-11-25');
  const { asked } = rig.call(session);
  asked.opensStream().sink.event({ id: 'e', event: undefined, retry: '1', data: '', comment: undefined });
  asked.sink.end();
  await expect.poll(() => rig.last().request.method).toBe('GET');
  expect(versionTold(rig.last())).toBe('2025-11-25');
});

test('an older client gets results in its own words, in one piece or as a stream, also when the upstream agreed to its revision', () => {
  const rig = startRig();
  for (const upstream of ['2025-03-26', '2025-11-25']) {
    const { session } = openSession(rig, '2025-03-26', upstream);
    const result = (block: string): string => answerTo(1, `{"content":[${block}],"n":1.0}`);
    const whole = rig.call(session);
    answerJson(whole.asked, result(LINK).slice(0, 50), result(LINK).slice(50));
    expect(whole.client.body).toBe(result(LINK_TEXT));
    const streamed = rig.call(session);
    streamed.asked.opensStream().says(result(LINK)).sink.end();
    expect(streamed.client.data).toEqual([result(LINK_TEXT)]);
  }
});

test('the client of the newest legacy revision gets the very bytes, whatever the upstream speaks', () => {
  const rig = startRig();
  for (const upstream of ['2024-11-05', '2025-11-25']) {
    const { client, asked } = rig.call(openSession(rig, '2025-11-25', upstream).session);
    asked
      .opensStream()
      .says(ELICITATION)
      .says(answerTo(1, `{"content":[${LINK}],"structuredContent":[1.0]}`));
    expect(client.data).toEqual([ELICITATION, answerTo(1, `{"content":[${LINK}],"structuredContent":[1.0]}`)]);
  }
});

test('a tool that was listed with an object around its output answers with one', () => {
  const rig = startRig();
  const { session } = openSession(rig, '2025-06-18', '2025-11-25');
  const other = openSession(rig, '2025-06-18', '2025-11-25').session;
  const list = rig.post({ id: 1, method: 'tools/list' }, { session });
  answerJson(rig.last(), answerTo(1, '{"tools":[{"name":"x","outputSchema":{"anyOf":[]}}]}'));
  expect(list.body).toBe(
    answerTo(1, '{"tools":[{"name":"x","outputSchema":{"type":"object","properties":{"result":{"anyOf":[]}},"required":["result"]}}]}'),
  );
  const values = [session, other].map((each) => {
    const { client, asked } = rig.call(each);
    answerJson(asked, answerTo(1, '{"content":[],"structuredContent":{"a":1}}'));
    return client.body;
  });
  // The other session has not seen the schema, or saw another.
  expect(values).toEqual([
    answerTo(1, '{"content":[],"structuredContent":{"result":{"a":1}}}'),
    answerTo(1, '{"content":[],"structuredContent":{"a":1}}'),
  ]);
});

test('what an older client cannot be asked is answered in its place, on the stream of a call and on the session’s own', () => {
  const rig = startRig();
  const { session } = openSession(rig, '2025-06-18', '2025-11-25');
  const { client, asked } = rig.call(session);
  const listening = rig.get({ session });
  const stream = rig.last().opensStream();
  for (const [call, heard] of [
    [asked.opensStream(), client],
    [stream, listening],
  ] as const) {
    call.says(ELICITATION);
    const { request } = rig.last();
    expect(request.body?.toString()).toBe('{"jsonrpc":"2.0","id":"q","result":{"action":"decline"}}');
    expect(request).toMatchObject({ method: 'POST', lane: 'reply', message: { kind: 'response' } });
    expect(versionTold(rig.last())).toBe('2025-11-25');
    expect(request.headers.join(' ')).toContain('content-type application/json');
    expect(request.headers.filter((name) => name === 'accept')).toHaveLength(1);
    expect(heard.data).toEqual([]);
  }
  expect(rig.recorded('ask')).toEqual([
    ['elicitation/create', 'ok'],
    ['elicitation/create', 'ok'],
  ]);
  asked.says(answerTo(1));
  expect(client.data).toEqual([answerTo(1)]);
});

test('what an older client can be asked in other words, it is asked', () => {
  const rig = startRig();
  const { session } = openSession(rig, '2025-06-18', '2025-11-25');
  const listening = rig.get({ session });
  const question = (field: string): string =>
    `{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"requestedSchema":{"properties":{"a":{${field}}}}}}`;
  rig.last().opensStream().says(question('"oneOf":[{"const":"r","title":"R"}],"x":1.0'));
  expect(listening.data).toEqual([question('"x":1.0,"enum":["r"],"enumNames":["R"]')]);
});

const primes = (call: PlayedCall): void =>
  void call.opensStream().sink.event({ id: 'e', event: undefined, retry: '1', data: '', comment: undefined });

test('point 32: a priming event meant for a newer client is no message to the older one; its id is known to all', () => {
  const rig = startRig();
  for (const [version, upstream, data] of [
    ['2025-06-18', '2025-11-25', undefined],
    ['2025-11-25', '2025-11-25', ''],
    // What the upstream says in the client's own revision is between them.
    ['2025-06-18', '2025-06-18', ''],
  ] as const) {
    const { session } = openSession(rig, version, upstream);
    const { client, asked } = rig.call(session);
    const listening = rig.get({ session });
    for (const call of [asked, rig.last()]) primes(call);
    for (const { events } of [client, listening]) expect(events).toEqual([expect.objectContaining({ data, retry: '1', id: expect.any(String) })]);
  }
});

test('a client too old to come back keeps its stream when the upstream closes it, and gets the answer on it', async () => {
  const rig = startRig();
  const older = rig.call(openSession(rig, '2025-06-18', '2025-11-25').session);
  primes(older.asked);
  older.asked.sink.end();
  await expect.poll(() => rig.last().request.method).toBe('GET');
  expect(older.client.isEnded).toBe(false);
  rig.last().opensStream().says(answerTo(1), 'e2').sink.end();
  expect([older.client.data.at(-1), older.client.isEnded]).toEqual([answerTo(1), true]);
  const newest = rig.call(openSession(rig, '2025-11-25', '2025-11-25').session);
  primes(newest.asked);
  newest.asked.sink.end();
  expect(newest.client.isEnded).toBe(true);
});
