// What a reading of an upstream finds: to whom it shows what, what is left out and why, and where it gives up.
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/base/kernel/index.ts';
import type { Conversation } from '../../src/data-plane/upstream/reading/conversation.ts';
import { readCatalogue } from '../../src/data-plane/upstream/reading/read-catalogue.ts';

type Lists = Readonly<Record<string, readonly unknown[]>>;
const ALL_LISTS = { tools: {}, resources: {}, prompts: {} };
const LIST_KEYS: Readonly<Record<string, string>> = {
  'tools/list': 'tools',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
  'prompts/list': 'prompts',
};
const latin1 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('latin1');

/** Answers lists from what it is given; `pages` entries a page. */
function conversationOf(lists: Lists, pages = 1000): Conversation {
  return {
    async request(method, params) {
      const key = LIST_KEYS[method] as string;
      const all = lists[key];
      if (all === undefined) throw new AppError('upstream.bad_answer', 'no such method', { data: { rpcCode: -32601 } });
      const start = Number(params['cursor'] ?? 0);
      const end = start + pages;
      const result = { [key]: all.slice(start, end), ...(end < all.length ? { nextCursor: String(end) } : {}) };
      return latin1({ jsonrpc: '2.0', id: 1, result });
    },
    async close() {},
  };
}

async function read(lists: (needs: readonly string[]) => Lists, capabilities: Record<string, unknown> = ALL_LISTS) {
  const asked: string[] = [];
  const catalogue = await readCatalogue(
    'g',
    { conversation: conversationOf(lists(['sampling', 'elicitation', 'roots', 'tasks'])), capabilities },
    async (needs) => {
      asked.push(needs.join('+') || 'none');
      return { conversation: conversationOf(lists(needs)), capabilities };
    },
  );
  return { ...catalogue, asked };
}

const readTools = (...tools: unknown[]) => read(() => ({ tools, prompts: [] }));

describe('a reading', () => {
  it('has all four lists with the upstream’s own text, and reads once as each of two clients when both are shown the same', async () => {
    const tool = { name: 'Größe', description: 'd', inputSchema: { type: 'object' } };
    const { items, asked } = await read(() => ({
      tools: [tool],
      resources: [{ uri: 'file:///a', name: 'A' }],
      resourceTemplates: [{ uriTemplate: 'db://{table}', name: 'T' }],
      prompts: [{ name: 'p', title: 'P' }],
    }));
    expect(items).toEqual([
      { kind: 'tool', key: 'Größe', name: 'Größe', title: undefined, description: 'd', json: JSON.stringify(tool), needs: [] },
      { kind: 'resource', key: 'file:///a', name: 'A', title: undefined, description: undefined, json: '{"uri":"file:///a","name":"A"}', needs: [] },
      expect.objectContaining({ kind: 'template', key: 'db://{table}', name: 'T' }),
      expect.objectContaining({ kind: 'prompt', key: 'p', title: 'P' }),
    ]);
    expect(asked).toEqual(['none']);
  });

  it('asks only for lists that were declared, and takes a list that is not there for an empty one', async () => {
    expect((await read(() => ({ tools: [{ name: 'a' }] }), { tools: {}, resources: {} })).items).toHaveLength(1);
    expect((await read(() => ({ tools: [{ name: 'a' }], prompts: [{ name: 'p' }] }), { prompts: {} })).items).toMatchObject([{ kind: 'prompt' }]);
    await expect(read(() => ({}), { tools: {} })).rejects.toThrow('no such method');
  });

  it('gives each item to the least that a client must be able to do to be shown it', async () => {
    const { items, asked } = await read((needs) => ({
      tools: [
        { name: 'plain', description: `for ${needs.join()}` },
        ...(needs.includes('sampling') ? [{ name: 'ask-model' }] : []),
        ...(needs.includes('roots') ? [{ name: 'look' }] : []),
        ...(needs.includes('roots') && needs.includes('tasks') ? [{ name: 'both' }] : []),
        ...(needs.includes('elicitation') || needs.includes('tasks') ? [{ name: 'either' }] : []),
        ...(needs.length === 0 ? [{ name: 'fallback' }] : []),
      ],
      prompts: [],
    }));
    expect(asked).toHaveLength(8);
    expect(Object.fromEntries(items.map(({ name, needs }) => [name, needs]))).toEqual({
      plain: [],
      fallback: [],
      'ask-model': ['sampling'],
      look: ['roots'],
      both: ['roots', 'tasks'],
      either: ['elicitation'],
    });
    expect(items.find(({ name }) => name === 'plain')?.description).toBe('for ');
  });

  it('takes what came between two readings for what everybody is shown', async () => {
    let readings = 0;
    const { items } = await read(() => ({ tools: [{ name: 'old' }, ...(readings++ === 1 ? [] : [{ name: 'new' }])], prompts: [] }));
    expect(items).toMatchObject([
      { name: 'old', needs: [] },
      { name: 'new', needs: [] },
    ]);
  });

  it('counts what it was shown as shown to everybody when the upstream takes no lesser client', async () => {
    const conversation = conversationOf({ tools: [{ name: 'a' }] });
    const { items } = await readCatalogue('g', { conversation, capabilities: { tools: {} } }, async () => {
      throw new AppError('upstream.bad_answer', 'only capable clients here');
    });
    expect(items).toMatchObject([{ name: 'a', needs: [] }]);
  });

  it('has every item of many pages once', async () => {
    const tools = Array.from({ length: 250 }, (_, at) => ({ name: `t${at}` }));
    const conversation = conversationOf({ tools }, 7);
    const { items } = await readCatalogue('g', { conversation, capabilities: { tools: {} } }, async () => ({
      conversation,
      capabilities: { tools: {} },
    }));
    expect(items.map(({ name }) => name)).toEqual(tools.map(({ name }) => name));
  });

  it.each([
    ['a circle', (page: number) => String(page % 2), /circle/],
    ['no end', (page: number) => `c${page}`, /more than 200 pages/],
  ])('gives up pages with %s', async (_, nextCursor, text) => {
    let page = 0;
    const conversation: Conversation = {
      request: async () => latin1({ result: { tools: [], nextCursor: nextCursor(page++) } }),
      close: async () => {},
    };
    await expect(readCatalogue('g', { conversation, capabilities: { tools: {} } }, async () => ({ conversation, capabilities: {} }))).rejects.toThrow(
      text,
    );
  });

  const readPage = (result: string) => {
    const conversation: Conversation = { request: async () => `{"jsonrpc":"2.0","id":1,"result":${result}}`, close: async () => {} };
    const as = { conversation, capabilities: { tools: {} } };
    return readCatalogue('g', as, async () => as);
  };

  it.each([
    ['a cursor that is a number', '{"tools":[{"name":"a"}],"nextCursor":7}', 'nextCursor is no text'],
    ['a cursor that is an object', '{"tools":[],"nextCursor":{"a":1}}', 'nextCursor is no text'],
    ['a cursor of megabytes', `{"tools":[],"nextCursor":"${'x'.repeat(1_000_000)}"}`, 'longer than'],
    ['an object in place of the list', '{"tools":{"a":{"name":"a"}}}', 'tools is no list'],
    ['a text in place of the list', '{"tools":"[]"}', 'tools is no list'],
    ['a schema nested without end', `{"tools":[{"name":"a","inputSchema":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}]}`, 'nested deeper'],
    ['the same entry 100,000 times', `{"tools":[${Array.from({ length: 100_000 }, () => '{"name":"a"}').join(',')}]}`, 'more than 10000 items'],
    [
      'tools of megabytes, one after the other',
      `{"tools":[${Array.from({ length: 40 }, () => `{"name":"${'x'.repeat(1_000_000)}"}`).join(',')}]}`,
      'larger than',
    ],
  ])('takes nothing over from a list with %s, and says so', async (_what, result, text) => {
    await expect(readPage(result)).rejects.toMatchObject({ code: 'upstream.bad_answer', message: expect.stringContaining(text) as string });
  });

  it.each(['{"tools":null}', '{}', '{"tools":[],"nextCursor":null}'])('takes %s for an empty list', async (result) => {
    expect(await readPage(result)).toEqual({ items: [], skipped: [] });
  });

  it('leaves out an entry that says something twice: which of it a reader takes is anybody’s guess', async () => {
    const { items, skipped } = await readPage('{"tools":[{"name":"good","n\\u0061me":"evil"},{"name":"a","x":{"y":1,"y":2}}]}');
    expect(items.map(({ key }) => key)).toEqual(['a']);
    expect(skipped).toMatchObject([{ name: 'evil', reason: expect.stringContaining('twice') }]);
  });

  it('takes names that are something in this language for names like any other', async () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const { items } = await readPage(`{"tools":[${names.map((name) => `{"name":"${name}","__proto__":{"name":"x"}}`).join(',')}]}`);
    expect(items.map(({ key }) => key)).toEqual(names);
  });

  it('gives up an upstream with more than 10,000 items', async () => {
    await expect(readTools(...Array.from({ length: 10_001 }, (_, at) => ({ name: `t${at}` })))).rejects.toThrow('more than 10000 items');
  });

  it('keeps a tool whose headers are ill declared, and says who has to leave it out', async () => {
    const inputSchema = { properties: { n: { type: 'number', 'x-mcp-header': 'N' } } };
    const { items, skipped } = await read(() => ({ tools: [{ name: 'a', inputSchema }, { name: 'b' }] }));
    expect(items.map(({ key }) => key)).toEqual(['a', 'b']);
    expect(skipped).toMatchObject([{ kind: 'tool', name: 'a', reason: expect.stringMatching(/2026-07-28.*x-mcp-header N/) }]);
  });

  it('leaves out what it was told under hostile names or in megabytes, and keeps the rest', async () => {
    const { items, skipped } = await read(() => ({
      tools: [
        { name: 'a', n: 1 },
        { name: 'a', n: 2 },
        { name: 'x\u202ey' },
        {},
        { name: { toString: 1 } },
        'no object',
        null,
        { name: ' ' },
        { name: 'b'.repeat(129) },
        { name: 'big', description: 'x'.repeat(5_000_000) },
      ],
      resources: [
        { uri: 'file:///ok', name: 'ok 👩\u200d🚀' },
        { uri: 'file:///x\u200by' },
        { uri: 'no-scheme' },
        { uri: 'http://h.example/a b' },
        { uri: `file:///${'x'.repeat(2048)}` },
        { uri: 'file:///turned', name: 'a\u202eb' },
        { uri: 'JavaScript:alert(1)', name: 'script' },
      ],
      resourceTemplates: [{ uriTemplate: '{+path}', name: 't' }, { uriTemplate: '' }],
      prompts: [{ name: 'p\u0007' }],
    }));
    expect(items.map(({ kind, key }) => `${kind} ${key}`)).toEqual(['tool a', 'resource file:///ok', 'template {+path}']);
    expect(items[0]?.json).toBe('{"name":"a","n":1}');
    expect(skipped).toHaveLength(15);
    for (const { name, reason } of skipped) {
      expect(name).not.toMatch(/[\p{Cc}\u202e\u200b]/u);
      expect(reason).toMatch(/\w/);
    }
    expect(skipped.find(({ name }) => name === 'big')?.reason).toContain('larger than');
  });
});
