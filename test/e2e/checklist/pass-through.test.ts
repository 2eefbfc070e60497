// Checklist points 1 to 6 and 12: what passes between a client and an upstream of one era is the same bytes on both sides, in JSON
// answers and in streams.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { envelope, mirrorOf, modernHeaders, notification, openSession, post, toolRow, type Door, type Era } from './doors.ts';
import { event, json, startScriptedUpstream, stream, toolList, type ScriptedUpstream } from './scripted-upstream.ts';

type Form = 'json' | 'sse';

let gateway: StartedGateway;
let upstream: ScriptedUpstream;
let door: Door & { gatewayId: string };
const sessions = new Map<Era, Door>();

beforeAll(async () => {
  gateway = await startGateway();
  upstream = await startScriptedUpstream();
  door = await mirrorOf(gateway, upstream.url);
  sessions.set('modern', door);
  sessions.set('legacy', await openSession(door));
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.close();
});

const FORMS: readonly (readonly [Era, Form])[] = [
  ['modern', 'json'],
  ['modern', 'sse'],
  ['legacy', 'json'],
  ['legacy', 'sse'],
];

/** `_meta` members as text, with the envelope that the era needs. */
function meta(era: Era, own: string): string {
  const needed = era === 'modern' ? JSON.stringify(envelope()).slice(1, -1) : '';
  return `"_meta":{${[needed, own].filter((part) => part !== '').join(',')}}`;
}

interface Trip {
  readonly status: number;
  readonly contentType: string;
  /** What the upstream received, and what the client received. */
  readonly arrived: string;
  readonly returned: string;
}

/** One request to the upstream and back, with exactly these bytes each way. */
async function trip(era: Era, form: Form, sent: { method: string; name?: string; text: string }, answer: string, status = 200): Promise<Trip> {
  upstream.play(({ res }) => {
    if (form === 'json' || status !== 200) json(res, answer, status);
    else {
      stream(res);
      res.end(event(answer));
    }
  });
  const session = sessions.get(era) ?? door;
  const returned = await post(session, sent.text, era === 'modern' ? modernHeaders(sent.method, sent.name) : {});
  return {
    status: returned.status,
    contentType: String(returned.headers['content-type']),
    returned: await returned.answerText(),
    arrived: upstream.seen.map(({ text }) => text).join('|'),
  };
}

const call = (era: Era, id: string, args: string, more = '', own = '', top = '') => ({
  method: 'tools/call',
  name: 'one',
  text: `{"jsonrpc":"2.0","id":${id},"method":"tools/call",${top}"params":{"name":"one","arguments":${args},${more}${meta(era, own)}}}`,
});

function expectSame(result: Trip, sent: { text: string }, answer: string, form: Form): void {
  expect(result.arrived).toBe(sent.text);
  expect(result.returned).toBe(answer);
  expect(result.contentType).toContain(form === 'json' ? 'application/json' : 'text/event-stream');
}

describe.each(FORMS)('%s traffic, answered as %s', (era, form) => {
  test('point 01: unknown fields in params, results, tools, content, errors and _meta arrive unchanged in both directions', async () => {
    const sent = call(
      era,
      '1',
      '{"x":{"Name":1,"name":2,"name":3}}',
      '"x-params":[{"":null}],',
      '"example.com/a":{"b":1.0},"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"',
      '"x-message":{"deep":true},',
    );
    const answer =
      '{"jsonrpc":"2.0","x-top":[1.0],"id":1,"result":{"content":[{"type":"text","text":"é😀\\u00e9\\/","x-block":{"a":null}}],"tools":[{"name":"one","x-tool":1.50}],"x-result":"","_meta":{"example.com/r":[{}]}}}';
    expectSame(await trip(era, form, sent, answer), sent, answer, form);
    const failure = '{"jsonrpc":"2.0","id":1,"x-top":0,"error":{"code":-32000,"message":"m","x-error":{"k":[1.0]},"data":{"x":null}}}';
    expectSame(await trip(era, form, sent, failure), sent, failure, form);
  });

  test('point 02: unknown methods are relayed with the upstream’s own answer', async () => {
    const sent = {
      method: 'vendor.example/Do It',
      text: `{"jsonrpc":"2.0","id":"u","method":"vendor.example/Do It","params":{"name":"x","NAME":"y","uri":7,${meta(era, '')}}}`,
    };
    const answer = '{"jsonrpc":"2.0","id":"u","result":{"did":"it"}}';
    expectSame(await trip(era, form, sent, answer), sent, answer, form);
  });

  test('point 03: unknown content types, resultType values and extension fields are relayed', async () => {
    const sent = call(era, '3', '{}');
    const answer =
      '{"jsonrpc":"2.0","id":3,"result":{"resultType":"example.com/later","content":[{"type":"hologram","depth":3,"data":null},{"type":"text"},7,"bare"],"isError":"maybe","extensions":{"example.com/e":{}}}}';
    expectSame(await trip(era, form, sent, answer), sent, answer, form);
  });

  test('point 04: numbers beyond 2^53, 1.0, empty-string cursors, null and absent stay distinct', async () => {
    const values =
      '{"a":9007199254740993,"b":1.0,"c":null,"nextCursor":"","e":1E+2,"f":-0,"g":0.10,"h":123456789012345678901234567890,"i":"\\u0061"}';
    const sent = call(era, '4', values);
    const answer = `{"jsonrpc":"2.0","id":4,"result":${values}}`;
    expectSame(await trip(era, form, sent, answer), sent, answer, form);
    const list = { method: 'tools/list', text: `{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{"cursor":"",${meta(era, '')}}}` };
    const page = toolList('5', ['one'], ',"nextCursor":"","ttlMs":0.0');
    expectSame(await trip(era, form, list, page), list, page, form);
    const last = toolList('5', ['one'], ',"nextCursor":null');
    expectSame(await trip(era, form, list, last), list, last, form);
  });

  test('point 05: ids return with value and type intact, on results and on errors', async () => {
    for (const id of ['"a"', '0', '""', '9007199254740993', '-7', '"0"', '"\\u00e9\\"\\\\"', '"é"', '1.0', '123456789012345678901234567890']) {
      const sent = call(era, id, '{}');
      const answer = `{"jsonrpc":"2.0","id":${id},"result":{}}`;
      expectSame(await trip(era, form, sent, answer), sent, answer, form);
      const failure = `{"jsonrpc":"2.0","id":${id},"error":{"code":1,"message":""}}`;
      expectSame(await trip(era, form, sent, failure), sent, failure, form);
    }
  });

  test('point 06: error code, message and data are relayed verbatim', async () => {
    const errors = [
      '{"code":-32602,"message":"Unknown tool: ünknown","data":{"uri":"x"}}',
      '{"code":-32000,"message":"","data":null}',
      '{"code":42,"message":"ours","data":[1.0,9007199254740993]}',
      '{"code":-32002,"message":"Resource not found"}',
      '{"code":-32042,"message":"sign in","data":{"elicitations":[]}}',
      '{"code":-31502,"message":"looks like a gateway’s own"}',
    ];
    for (const error of errors) {
      const sent = call(era, '6', '{}');
      const answer = `{"jsonrpc":"2.0","id":6,"error":${error}}`;
      expectSame(await trip(era, form, sent, answer), sent, answer, form);
    }
  });

  test('whitespace between tokens is the sender’s, too', async () => {
    const sent = {
      method: 'tools/call',
      name: 'one',
      text: ` {\n\t"jsonrpc" : "2.0",\r\n "params":{ "name" : "one" , ${meta(era, '')} }, "method":"tools/call" , "id" : 7 }\n`,
    };
    const answer = '{ "jsonrpc" : "2.0",  "result" : { "content" : [ ] } ,"id" : 7 }';
    expectSame(await trip(era, form, sent, answer), sent, answer, form);
  });
});

describe.each(['modern', 'legacy'] as const)('%s traffic', (era) => {
  test('point 02: the upstream’s HTTP status of a refusal is the client’s', async () => {
    for (const [status, code] of [
      [400, -32600],
      [404, -32601],
      [405, -32601],
      [409, 7],
      [422, -32602],
    ] as const) {
      const sent = { method: 'vendor/unknown', text: `{"jsonrpc":"2.0","id":8,"method":"vendor/unknown","params":{${meta(era, '')}}}` };
      const answer = `{"jsonrpc":"2.0","id":8,"error":{"code":${code},"message":"no","data":{"s":${status}}}}`;
      const result = await trip(era, 'json', sent, answer, status);
      expect([result.status, result.returned]).toEqual([status, answer]);
      expect(result.arrived).toBe(sent.text);
    }
  });

  test('point 02: unknown notifications are relayed, accepted or refused as the upstream does', async () => {
    const text = `{"jsonrpc":"2.0","method":"notifications/vendor","params":{"a":1.0,${meta(era, '')}}}`;
    const session = sessions.get(era) ?? door;
    const headers = era === 'modern' ? modernHeaders('notifications/vendor') : {};
    upstream.play(({ res }) => void res.writeHead(202).end());
    const accepted = await post(session, text, headers);
    expect([accepted.status, (await accepted.bytes()).length]).toEqual([202, 0]);
    expect(upstream.seen.map((seen) => seen.text)).toEqual([text]);
    upstream.play(({ res }) => json(res, '{"jsonrpc":"2.0","error":{"code":-32600,"message":"not that one"}}', 400));
    const refused = await post(session, text, headers);
    expect([refused.status, await refused.answerText()]).toEqual([400, '{"jsonrpc":"2.0","error":{"code":-32600,"message":"not that one"}}']);
  });

  test('point 12: the order of tools/list is the upstream’s and stable, also with a disabled tool among them', async () => {
    const names = ['zeta', 'Alpha', 'beta', 'one', '10', '9', 'ä', 'a'];
    const session = sessions.get(era) ?? door;
    const answer = toolList('12', names);
    upstream.play(({ res }) => json(res, answer));
    const body = `{"jsonrpc":"2.0","id":12,"method":"tools/list","params":{${meta(era, '')}}}`;
    for (let i = 0; i < 3; i++)
      expect(await (await post(session, body, era === 'modern' ? modernHeaders('tools/list') : {})).answerText()).toBe(answer);
    const row = await toolRow(gateway, door.gatewayId, 'one');
    await gateway.api('POST', `/tools/${row}/state?activate=false`);
    try {
      const filtered = toolList(
        '12',
        names.filter((name) => name !== 'one'),
      );
      expect(await (await post(session, body, era === 'modern' ? modernHeaders('tools/list') : {})).answerText()).toBe(filtered);
    } finally {
      await gateway.api('POST', `/tools/${row}/state?activate=true`);
    }
  });
});

test('point 06: a notification answered with an error of id null keeps it', async () => {
  const failure = '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}';
  upstream.play(({ res }) => json(res, failure, 400));
  const answer = await post(sessions.get('legacy') ?? door, notification('notifications/vendor'));
  expect([answer.status, await answer.answerText()]).toEqual([400, failure]);
});
