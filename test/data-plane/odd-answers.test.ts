// Answers in forms that readers disagree about: they pass where nothing is at stake, and are refused where something is hidden.
import { itemRow } from '../combined/combined-rig.ts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { news, startRig, type DataPlaneRig } from './data-plane-rig.ts';

let rig: DataPlaneRig;
let session: string;

beforeEach(() => {
  vi.useFakeTimers();
  rig = startRig();
  session = rig.openSession();
});
afterEach(() => vi.useRealTimers());

test.each([
  ['"error": null beside the result', '{"jsonrpc":"2.0","id":1,"result":{},"error":null}'],
  ['no version', '{"id":1,"result":{}}'],
  ['a key that looks like one of ours', '{"jsonrpc":"2.0","id":1,"result":{},"Id":2}'],
])('an answer with %s is an answer: no error follows it', (_what, text) => {
  const streamed = rig.call(session, 1);
  streamed.asked.opensStream().says(text).sink.end();
  expect(streamed.client.data).toEqual([text]);
  const whole = rig.call(session, 1);
  whole.asked.refuses(200, text);
  expect([whole.client.status, whole.client.body]).toEqual([200, text]);
});

test('hidden tools are left out of lists that come as an array or as lines too', () => {
  rig.change({ items: [itemRow('tool', 'g', 'hidden', { enabled: false })] });
  const list = '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"shown"},{"name":"hidden"}]}}';
  for (const [text, expected] of [
    [`[${list}]`, `[${list.replace(',{"name":"hidden"}', '')}]`],
    [`${news(1)}\n${list}\n`, `${news(1)}\n${list.replace(',{"name":"hidden"}', '')}\n`],
    [
      JSON.stringify(JSON.parse(list), null, 1),
      JSON.stringify(JSON.parse(list), null, 1)
        .replace(/,\s*\{\s*"name": "hidden"\s*\}/, '')
        .replace(/\[\s*\{/, '[{')
        .replace(/\}\s*\]/, '}]'),
    ],
  ] as const) {
    const client = rig.post({ id: 1, method: 'tools/list' }, { session });
    rig.last().refuses(200, text);
    expect(client.body).toBe(expected);
  }
});

test.each([
  ['two results', '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"shown"}]},"result":{"tools":[{"name":"hidden"}]}}'],
  ['two lists', '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"shown"}],"tools":[{"name":"hidden"}]}}'],
  ['an empty list and another', '{"jsonrpc":"2.0","id":1,"result":{"tools":[],"tools":[{"name":"hidden"}]}}'],
  ['no list, then one', '{"jsonrpc":"2.0","id":1,"result":{"tools":1,"tools":[{"name":"hidden"}]}}'],
])('a hidden tool does not come through behind %s', (_what, text) => {
  rig.change({ items: [itemRow('tool', 'g', 'hidden', { enabled: false })] });
  const whole = rig.post({ id: 1, method: 'tools/list' }, { session });
  rig.last().refuses(200, text);
  expect([whole.error?.code, whole.body]).toEqual(['upstream.bad_answer', '']);
  const streamed = rig.post({ id: 1, method: 'tools/list' }, { session });
  rig.last().opensStream().says(text);
  expect(streamed.data.join('')).toContain('upstream.bad_answer');
  expect(streamed.data.join('')).not.toContain('hidden');
});
