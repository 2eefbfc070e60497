// What calls, reads and prompts give: every kind of content, in the words of the client's revision, unchanged where it can be.
import { absent, anyText, containing, expectIn } from '../difference.ts';
import type { Json } from '../player.ts';
import type { Scenario } from '../scenario.ts';
import type { Cell } from '../revisions.ts';

const topic = 'content';

/** @param expected of the result; by the cell, where older clients get other words */
function toolGives(id: string, says: string, name: string, args: Json, expected: Json | ((cell: Cell) => Json)): Scenario {
  return {
    id,
    topic,
    says,
    async play(stage) {
      const { result, error } = await stage.call(name, args);
      expectIn(result ?? { error }, typeof expected === 'function' ? expected(stage.cell) : expected);
    },
  };
}

function promptGives(id: string, says: string, name: string, args: Json, messages: readonly unknown[]): Scenario {
  return {
    id,
    topic,
    says,
    async play(stage) {
      const { result, error } = await stage.request('prompts/get', { name: stage.server.prompt(name), arguments: args });
      expectIn(result ?? { error }, { messages });
    },
  };
}

function readGives(id: string, says: string, uri: string, expected: Json): Scenario {
  return {
    id,
    topic,
    says,
    async play(stage) {
      const { result, error } = await stage.request('resources/read', { uri });
      expectIn(result ?? { error }, { contents: [{ uri, ...expected }] });
    },
  };
}

const user = (content: Json): Json => ({ role: 'user', content });

export const contentScenarios: readonly Scenario[] = [
  toolGives('text', 'a text block', 'test_simple_text', {}, { content: [{ type: 'text', text: containing('simple text') }], isError: absent }),
  toolGives('image', 'an image block', 'test_image_content', {}, { content: [{ type: 'image', data: anyText, mimeType: 'image/png' }] }),
  toolGives('audio', 'an audio block; an embedded resource for clients before 2025-03-26', 'test_audio_content', {}, ({ client }) => ({
    content: [
      client >= '2025-03-26'
        ? { type: 'audio', data: anyText, mimeType: 'audio/wav' }
        : { type: 'resource', resource: { mimeType: 'audio/wav', blob: anyText } },
    ],
  })),
  toolGives(
    'embedded-resource',
    'an embedded resource',
    'test_embedded_resource',
    {},
    {
      content: [{ type: 'resource', resource: { uri: 'test://embedded-resource', mimeType: 'text/plain', text: anyText } }],
    },
  ),
  toolGives(
    'several-blocks',
    'several blocks in their order',
    'test_multiple_content_types',
    {},
    {
      content: [{ type: 'text' }, { type: 'image' }, { type: 'resource' }],
    },
  ),
  toolGives('resource-link', 'a link that can be read; text for clients before 2025-06-18', 'test_resource_link', {}, ({ client }) => ({
    content: [
      client >= '2025-06-18' ? { type: 'resource_link', uri: 'test://static-text' } : { type: 'text', text: containing('test://static-text') },
    ],
  })),
  toolGives(
    'structured',
    'structured output, and its text for clients that do not know it',
    'test_structured_content',
    { a: 1.5, b: 2 },
    ({ client }) => ({
      content: [{ type: 'text', text: '{"sum":3.5}' }],
      ...(client >= '2025-06-18' ? { structuredContent: { sum: 3.5 } } : {}),
    }),
  ),
  toolGives('unknown-block', 'a block of a type that nobody knows', 'unknown_content', {}, { content: [{ type: 'hologram', depth: 3, empty: '' }] }),
  toolGives('tool-error', 'a failure in execution is a result', 'test_error_handling', {}, { isError: true, content: [{ type: 'text' }] }),
  toolGives('big', 'a large result is whole', 'big_result', { bytes: 300_000 }, { content: [{ text: 'x'.repeat(300_000) }] }),
  {
    id: 'exact-result',
    topic,
    says: 'numbers, unknown fields and `_meta` of a result arrive as they were written',
    async play(stage) {
      const { text } = await stage.call('exact_values');
      for (const part of [
        '"annotations":{"priority":1.0},"x-unknown":null',
        '"big":9007199254740993,"float":1.0,"exponent":1E+2,"negativeZero":-0,"null":null,"empty":""',
        '"unknownField":{"nested":[1.10,{"a":null}]}',
        '"example.com/note":{"keep":1.50}',
      ]) {
        if (!text.includes(part)) throw new Error(`${part} is not in ${text.slice(0, 600)}`);
      }
    },
  },
  {
    id: 'exact-arguments',
    topic,
    says: 'arguments reach the upstream as they were written',
    async play(stage) {
      const args = '{"b":1.0,"a":9007199254740993,"c":"\\u00e9 ü 🌍","":null}';
      const name = stage.server.tool('echo_arguments');
      const { result } = await stage.request('tools/call', undefined, {
        paramsText: `{"name":${JSON.stringify(name)},"arguments":${args}}`,
        meta: {},
      });
      expectIn(result, { content: [{ text: args }] });
    },
  },
  {
    id: 'exact-ids',
    topic,
    says: 'ids come back with value and type',
    async play(stage) {
      for (const idText of ['9007199254740993', '0', '""', '"a id"']) {
        const { text } = await stage.call('test_simple_text', {}, { idText });
        if (!text.includes(`"id":${idText}`)) throw new Error(`${idText} came back in ${text.slice(0, 100)}`);
      }
    },
  },
  {
    id: 'parameter-headers',
    topic,
    says: 'arguments that the newer era repeats in headers arrive, whoever has to write the headers',
    async play(stage) {
      const args = { region: 'Zürich', count: 7, dryRun: false, nested: { tenant: 't' }, note: 'n' };
      const headers = {
        'mcp-param-region': `=?base64?${Buffer.from('Zürich').toString('base64')}?=`,
        'mcp-param-count': '7',
        'mcp-param-dry-run': 'false',
        'mcp-param-tenant': 't',
      };
      const { result, error } = await stage.call('test_header_parameters', args, { headers });
      expectIn(result ?? { error }, { content: [{ text: JSON.stringify(args) }] });
    },
  },
  readGives('read-text', 'a text resource', 'test://static-text', { mimeType: 'text/plain', text: containing('static text resource') }),
  readGives('read-binary', 'a binary resource', 'test://static-binary', { mimeType: 'image/png', blob: anyText }),
  readGives('read-template', 'a resource made of a template', 'test://template/a%2Fb/data', { text: containing('a%2Fb') }),
  promptGives('prompt', 'a prompt', 'test_simple_prompt', {}, [user({ type: 'text', text: anyText })]),
  promptGives('prompt-arguments', 'a prompt with arguments', 'test_prompt_with_arguments', { arg1: 'Zürich', arg2: '' }, [
    user({ type: 'text', text: containing("arg1='Zürich', arg2=''") }),
  ]),
  promptGives('prompt-resource', 'a prompt with a resource', 'test_prompt_with_embedded_resource', { resourceUri: 'test://static-text' }, [
    user({ type: 'resource', resource: { uri: 'test://static-text' } }),
    user({ type: 'text' }),
  ]),
  promptGives('prompt-image', 'a prompt with an image', 'test_prompt_with_image', {}, [user({ type: 'image' }), user({ type: 'text' })]),
  {
    id: 'completes',
    topic,
    says: 'arguments of prompts and templates are completed',
    async play(stage) {
      const name = stage.server.prompt('test_prompt_with_arguments');
      const argument = { name: 'arg1', value: 'pa' };
      const completion = { values: ['paris', 'park', 'party'], total: 3, hasMore: false };
      expectIn(await stage.request('completion/complete', { ref: { type: 'ref/prompt', name }, argument }), { result: { completion } });
      const ref = { type: 'ref/resource', uri: 'test://template/{id}/data' };
      expectIn(await stage.request('completion/complete', { ref, argument: { name: 'id', value: 'po' } }), {
        result: { completion: { values: ['porto'] } },
      });
    },
  },
  {
    id: 'completes-in-context',
    topic,
    says: 'what was chosen before narrows a completion',
    needs: { client: '2025-06-18', upstream: '2025-06-18' },
    async play(stage) {
      const ref = { type: 'ref/prompt', name: stage.server.prompt('test_prompt_with_arguments') };
      const params = { ref, argument: { name: 'arg2', value: '' }, context: { arguments: { arg1: 'oslo' } } };
      expectIn(await stage.request('completion/complete', params), { result: { completion: { values: ['oslo-north', 'oslo-south'] } } });
    },
  },
];
