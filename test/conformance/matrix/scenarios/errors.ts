// What fails, fails at once, with the code of the client's revision and the upstream's own words.
import { expectIn, including } from '../difference.ts';
import type { Json } from '../player.ts';
import type { Scenario } from '../scenario.ts';
import { eraOf, MODERN } from '../revisions.ts';

const topic = 'errors and the unknown';

const refused = (id: string, says: string, method: string, params: Json, code: number): Scenario => ({
  id,
  topic,
  says,
  play: async (stage) => expectIn(await stage.request(method, params), { error: { code } }),
});

export const errorScenarios: readonly Scenario[] = [
  {
    id: 'own-error',
    topic,
    says: "an upstream's own error arrives with code, message and data",
    async play(stage) {
      const error = { code: 7, message: 'own words', data: { keep: [1, null, 'x'] } };
      expectIn(await stage.call('rpc_error', error), { error });
    },
  },
  refused('unknown-tool', 'an unknown tool is -32602', 'tools/call', { name: 'no_such_tool', arguments: {} }, -32_602),
  refused('unknown-prompt', 'an unknown prompt is -32602', 'prompts/get', { name: 'no_such_prompt' }, -32_602),
  {
    id: 'unknown-resource',
    topic,
    says: 'an unknown resource is -32602 for clients of 2026-07-28, for others that or -32002',
    async play(stage) {
      const { error } = await stage.request('resources/read', { uri: 'test://nowhere' });
      const codes = eraOf(stage.cell.client) === 'modern' ? [-32_602] : [-32_602, -32_002];
      if (error === undefined || !codes.includes(error.code)) throw new Error(`the error is ${JSON.stringify(error)}`);
      if (stage.cell.kind === 'mirror') expectIn(error, { data: { uri: 'test://nowhere' } });
    },
  },
  {
    id: 'unknown-method',
    topic,
    says: 'a method that nobody knows is -32601, for clients of 2026-07-28 with status 404',
    async play(stage) {
      const outcome = await stage.request('vendor/nobody-knows', { x: 1 });
      expectIn(outcome, { error: { code: -32_601 }, ...(stage.cell.client === MODERN ? { status: 404 } : {}) });
    },
  },
  {
    id: 'vendor-method',
    topic,
    says: "a mirror relays its upstream's own methods, and its params as they were written",
    needs: { kind: 'mirror' },
    async play(stage) {
      const { text } = await stage.request('vendor/echo', undefined, { paramsText: '{"x":1.50,"y":null}' });
      if (!text.includes('"x":1.50,"y":null')) throw new Error(`came back: ${text.slice(0, 300)}`);
    },
  },
  {
    id: 'vendor-note',
    topic,
    says: 'a notification that nobody knows is taken',
    play: async (stage) => expectIn(await (await stage.player()).notify('notifications/vendor/nobody-knows', { x: 1 }), 202, 'the status'),
  },
  {
    id: 'ping',
    topic,
    says: 'a ping is answered with nothing',
    needs: { clientEra: 'legacy' },
    async play(stage) {
      const { result } = await stage.request('ping');
      expectIn(JSON.stringify(result), '{}', 'the result');
    },
  },
  {
    id: 'removed-methods',
    topic,
    says: 'methods that 2026-07-28 has removed are 404 and -32601',
    needs: { clientEra: 'modern' },
    async play(stage) {
      for (const method of ['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe']) {
        expectIn(await stage.request(method, { level: 'info', uri: 'test://static-text' }), { status: 404, error: { code: -32_601 } }, method);
      }
    },
  },
  {
    id: 'foreign-version',
    topic,
    says: 'a revision that nobody speaks is 400 and -32022, with those that are spoken here',
    needs: { clientEra: 'modern' },
    async play(stage) {
      const version = '2030-01-01';
      const outcome = await stage.request(
        'tools/list',
        {},
        {
          meta: { 'io.modelcontextprotocol/protocolVersion': version },
          headers: { 'mcp-protocol-version': version },
        },
      );
      expectIn(outcome, { status: 400, error: { code: -32_022, data: { requested: version, supported: including(MODERN) } } });
    },
  },
  {
    id: 'headers-disagree',
    topic,
    says: 'headers that disagree with the body are 400 and -32020',
    needs: { clientEra: 'modern' },
    async play(stage) {
      const args = { region: 'west' };
      expectIn(await stage.call('test_header_parameters', args, { headers: { 'mcp-param-region': 'east' } }), {
        status: 400,
        error: { code: -32_020 },
      });
      expectIn(await stage.call('test_simple_text', {}, { headers: { 'mcp-name': 'another' } }), { status: 400, error: { code: -32_020 } });
    },
  },
];
