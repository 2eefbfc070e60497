import { describe, expect, it } from 'vitest';
import { mcpSchema, type McpSchema, type SchemaFault } from './mcp-schema.ts';

const ALL = ['2024-10-07', '2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'];
const LEGACY = ALL.slice(0, -1);
const schema = (version: string): McpSchema => mcpSchema(version) as McpSchema;
const request = (method: string, params?: object) => ({ jsonrpc: '2.0', id: 1, method, params });
const result = (members: object) => ({ jsonrpc: '2.0', id: 'a', result: members });
const paths = (faults: readonly SchemaFault[]): string[] => faults.map(({ path }) => path);
const envelope = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
const newer = (members: object) => ({ ...members, resultType: 'complete' });

describe('the schema of a revision', () => {
  it('is there for every revision the gateway speaks, and for no other', () => {
    for (const version of ALL) expect(mcpSchema(version)?.version).toBe(version);
    expect(mcpSchema('2027-01-01')).toBeUndefined();
    expect(mcpSchema('')).toBeUndefined();
  });

  it('never minds fields, methods and capabilities it does not know', () => {
    for (const version of LEGACY) {
      const { faultsOfClient, faultsOfServer } = schema(version);
      expect(faultsOfClient({ ...request('tools/call', { name: 't', new: 1, _meta: { own: 1 } }), extra: true })).toEqual([]);
      expect(faultsOfClient(request('vendor/method', { anything: [1] }))).toEqual([]);
      expect(faultsOfServer(result({ content: [{ type: 'text', text: '', new: 1 }], new: {} }), 'tools/call')).toEqual([]);
      expect(faultsOfServer(result({ whatever: 1 }), 'vendor/method')).toEqual([]);
    }
  });

  it.each([
    [[], ''],
    [{ jsonrpc: '1.0', id: 1, method: 'ping' }, 'jsonrpc'],
    [{ jsonrpc: '2.0', id: null, method: 'ping' }, 'id'],
    [{ jsonrpc: '2.0', id: 1.5, method: 'ping' }, 'id'],
    [{ jsonrpc: '2.0', id: 1, method: 7 }, 'method'],
    [{ jsonrpc: '2.0', id: 1, error: { code: 'x', message: 'm' } }, 'error.code'],
    [{ jsonrpc: '2.0', id: 1 }, 'result'],
    [{ jsonrpc: '2.0', id: 1, result: 'text' }, 'result'],
  ])('says where a message is no JSON-RPC of MCP: %j', (message, path) =>
    expect(paths(schema('2025-06-18').faultsOfServer(message))).toContain(path),
  );

  it('takes the error to a request that nobody could read', () => {
    expect(schema('2025-06-18').faultsOfServer({ jsonrpc: '2.0', id: null, error: { code: -32700, message: 'Parse error' } })).toEqual([]);
  });

  it('never repeats a value of the message', () => {
    const faults = schema('2025-11-25').faultsOfClient(request('logging/setLevel', { level: 'a secret' }));
    expect(paths(faults)).toEqual(['params.level']);
    expect(JSON.stringify(faults)).not.toContain('a secret');
  });
});

describe('what clients ask', () => {
  it.each([
    ['tools/call', { name: 7 }, 'params.name'],
    ['tools/call', { name: 't', arguments: [] }, 'params.arguments'],
    ['tools/call', undefined, 'params'],
    ['tools/list', { cursor: 1 }, 'params.cursor'],
    ['tools/list', { _meta: { progressToken: true } }, 'params._meta.progressToken'],
    ['resources/read', { uri: 'no uri' }, 'params.uri'],
    ['prompts/get', { name: 'p', arguments: { a: 1 } }, 'params.arguments.a'],
    ['completion/complete', { ref: { type: 'ref/tool' }, argument: { name: 'a', value: 'b' } }, 'params.ref.type'],
    ['initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'c' } }, 'params.clientInfo.version'],
    ['logging/setLevel', { level: 'loud' }, 'params.level'],
  ])('%s %j breaks the schema at the place that is wrong', (method, params, path) => {
    expect(paths(schema('2025-06-18').faultsOfClient(request(method, params)))).toEqual([path]);
  });

  it('needs no params where none are needed', () => {
    for (const method of ['tools/list', 'ping', 'resources/templates/list']) expect(schema('2025-03-26').faultsOfClient(request(method))).toEqual([]);
  });

  it('describes itself in every request of 2026-07-28', () => {
    const { faultsOfClient } = schema('2026-07-28');
    expect(faultsOfClient(request('tools/list', { _meta: envelope }))).toEqual([]);
    expect(paths(faultsOfClient(request('tools/list')))).toEqual(['params']);
    expect(paths(faultsOfClient(request('tools/list', { _meta: {} })))).toEqual([
      'params._meta.io.modelcontextprotocol/protocolVersion',
      'params._meta.io.modelcontextprotocol/clientCapabilities',
    ]);
    expect(paths(faultsOfClient(request('tools/call', { name: 't', requestState: {}, _meta: envelope })))).toEqual(['params.requestState']);
    expect(paths(faultsOfClient({ jsonrpc: '2.0', id: 1, result: {} }))).toEqual(['']);
  });
});

describe('what servers answer', () => {
  const call = (version: string, content: object, more: object = {}) =>
    paths(schema(version).faultsOfServer(result(newer({ content: [content], ...more })), 'tools/call'));

  it('has the blocks of its revision and no others', () => {
    const audio = { type: 'audio', data: 'AA==', mimeType: 'audio/wav' };
    const link = { type: 'resource_link', uri: 'a://b', name: 'n' };
    expect(ALL.map((version) => call(version, audio).length === 0)).toEqual([false, false, true, true, true, true]);
    expect(ALL.map((version) => call(version, link).length === 0)).toEqual([false, false, false, true, true, true]);
    expect(call('2025-06-18', { type: 'image', data: 'no base64!', mimeType: 'image/png' })).toEqual(['result.content.0.data']);
    expect(call('2025-06-18', { type: 'resource', resource: { uri: 'a://b' } })).toEqual(['result.content.0.resource']);
  });

  it('has objects as structured content until anything may be structured', () => {
    const text = { type: 'text', text: 't' };
    expect(call('2025-06-18', text, { structuredContent: [1] })).toEqual(['result.structuredContent']);
    expect(call('2026-07-28', text, { structuredContent: [1] })).toEqual([]);
  });

  it.each([
    ['tools/list', { tools: [{ name: 't', inputSchema: {} }] }, 'result.tools.0.inputSchema.type'],
    ['tools/list', { tools: {} }, 'result.tools'],
    ['resources/list', { resources: [{ uri: 'a://b' }] }, 'result.resources.0.name'],
    ['resources/templates/list', { resourceTemplates: [{ name: 'n' }] }, 'result.resourceTemplates.0.uriTemplate'],
    ['prompts/get', { messages: [{ role: 'system', content: { type: 'text', text: 't' } }] }, 'result.messages.0.role'],
    ['completion/complete', { completion: { values: Array(101).fill('v') } }, 'result.completion.values'],
    ['initialize', { protocolVersion: '2025-06-18', capabilities: {} }, 'result.serverInfo'],
  ])('%s %j breaks the schema at the place that is wrong', (method, members, path) => {
    expect(paths(schema('2025-11-25').faultsOfServer(result(members), method))).toEqual([path]);
  });

  it('may be a task where there are tasks', () => {
    const task = { taskId: 't', status: 'working', createdAt: '2026-01-01T00:00:00Z', lastUpdatedAt: '2026-01-01T00:00:00Z', ttl: null };
    expect(schema('2025-11-25').faultsOfServer(result({ task }), 'tools/call')).toEqual([]);
    expect(paths(schema('2025-11-25').faultsOfServer(result({ task: { ...task, status: 'lost' } }), 'tools/call'))).toEqual(['result.task.status']);
    expect(paths(schema('2025-06-18').faultsOfServer(result({ task }), 'tools/call'))).toEqual(['result.content']);
  });

  it('says in 2026-07-28 what kind of result it is and how long it is good', () => {
    const { faultsOfServer } = schema('2026-07-28');
    const list = { tools: [], resultType: 'complete' };
    expect(paths(faultsOfServer(result({ tools: [] }), 'tools/list'))).toEqual(['result.resultType']);
    expect(paths(faultsOfServer(result(list), 'tools/list'))).toEqual(['result.ttlMs', 'result.cacheScope']);
    expect(faultsOfServer(result({ ...list, ttlMs: 0, cacheScope: 'private' }), 'tools/list')).toEqual([]);
    expect(faultsOfServer(result({ resultType: 'vendor/kind' }), 'tools/call')).toEqual([]);
  });

  it('asks in 2026-07-28 within results only, and only what may be asked', () => {
    const { faultsOfServer } = schema('2026-07-28');
    const asking = (members: object, method = 'tools/call') => paths(faultsOfServer(result({ resultType: 'input_required', ...members }), method));
    const roots = { method: 'roots/list' };
    expect(asking({ inputRequests: { r: roots } })).toEqual([]);
    expect(asking({ requestState: 's' })).toEqual([]);
    expect(asking({})).toEqual(['result']);
    expect(asking({ inputRequests: { r: { method: 'tools/call' } } })).toEqual(['result.inputRequests.r.method']);
    expect(asking({ inputRequests: { e: { method: 'elicitation/create', params: { message: 'm' } } } })).toEqual([
      'result.inputRequests.e.params.requestedSchema',
    ]);
    expect(asking({ inputRequests: { r: roots } }, 'tools/list')).toEqual(['result.resultType']);
    expect(paths(faultsOfServer(request('roots/list')))).toEqual(['method']);
  });
});

describe('what servers ask and tell', () => {
  it.each([
    ['2025-03-26', request('sampling/createMessage', { messages: [] }), ['params.maxTokens']],
    [
      '2025-06-18',
      request('elicitation/create', { message: 'm', requestedSchema: { type: 'object', properties: { a: { type: 'object' } } } }),
      ['params.requestedSchema.properties.a.type'],
    ],
    ['2025-11-25', request('elicitation/create', { mode: 'url', message: 'm', url: 'https://a.test' }), ['params.elicitationId']],
    ['2024-11-05', { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 1, progress: 'half' } }, ['params.progress']],
    ['2025-11-25', { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info' } }, ['params.data']],
    ['2026-07-28', { jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: {} }, ['params.notifications']],
    ['2025-06-18', { jsonrpc: '2.0', method: 'notifications/tools/list_changed' }, []],
    ['2025-06-18', request('ping'), []],
  ])('in %s is checked: %j', (version, message, expected) => expect(paths(schema(version).faultsOfServer(message))).toEqual(expected));

  it('is answered by clients in words of the same schema', () => {
    const { faultsOfClient } = schema('2025-06-18');
    const reply = { role: 'assistant', content: { type: 'text', text: 't' }, model: 'm' };
    expect(faultsOfClient(result(reply), 'sampling/createMessage')).toEqual([]);
    expect(paths(faultsOfClient(result({ ...reply, content: [reply.content] }), 'sampling/createMessage'))).toEqual(['result.content']);
    expect(schema('2025-11-25').faultsOfClient(result({ ...reply, content: [reply.content] }), 'sampling/createMessage')).toEqual([]);
    expect(paths(faultsOfClient(result({ roots: [{ uri: 'https://a.test' }] }), 'roots/list'))).toEqual(['result.roots.0.uri']);
    expect(paths(faultsOfClient(result({ action: 'maybe' }), 'elicitation/create'))).toEqual(['result.action']);
    expect(faultsOfClient(result({ whatever: 1 }))).toEqual([]);
  });
});
