// What a mirror tells caches, and what its callers may listen to: never more than the caller who asks may see.
import { describe, expect, it } from 'vitest';
import { itemRow } from '../combined/combined-rig.ts';
import { SERVER, startRig, UPSTREAM, type DataPlaneRig } from './data-plane-rig.ts';

const META = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
const HEADERS = { 'mcp-protocol-version': '2026-07-28' };
const HIDDEN = itemRow('resource', 'g', 'x://hidden', { visibility: 'private', ownerEmail: 'bob' });
const OPEN = itemRow('resource', 'g', 'x://open');

function scopeOf(rig: DataPlaneRig, method: string, result: object, params: object = {}): unknown {
  const client = rig.post({ id: 1, method, params: { ...params, _meta: META } }, { headers: { ...HEADERS, 'mcp-method': method } });
  const { sink } = rig.last();
  const text = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { resultType: 'complete', ttlMs: 1000, cacheScope: 'public', ...result } });
  sink.head({ status: 200, kind: 'json', headers: [], contentLength: text.length });
  sink.chunk(Buffer.from(text));
  sink.end();
  return (JSON.parse(client.body) as { result: { cacheScope: unknown } }).result.cacheScope;
}

const TOOLS = { tools: [{ name: 't', inputSchema: { type: 'object' } }] };

describe('what the upstream calls public', () => {
  it('is public where everybody who may use the mirror sees the same', () => {
    const rig = startRig();
    rig.change({ items: [OPEN] });
    expect(scopeOf(rig, 'tools/list', TOOLS)).toBe('public');
    expect(scopeOf(rig, 'resources/read', {}, { uri: 'x://open' })).toBe('public');
    expect(scopeOf(rig, 'server/discover', {})).toBe('public');
  });

  it('is the caller’s alone where something of the list is hidden from some', () => {
    const rig = startRig();
    rig.change({ items: [HIDDEN, OPEN] });
    expect(scopeOf(rig, 'resources/list', { resources: [] })).toBe('private');
    expect(scopeOf(rig, 'tools/list', TOOLS)).toBe('public');
    expect(scopeOf(rig, 'resources/read', {}, { uri: 'x://hidden' })).toBe('private');
    expect(scopeOf(rig, 'resources/read', {}, { uri: 'x://open' })).toBe('public');
  });

  it('is the caller’s alone where the mirror or its gateway is not for everybody', () => {
    const rig = startRig();
    for (const input of [
      { servers: [{ ...SERVER, visibility: 'team' as const }] },
      { upstreams: [{ ...UPSTREAM, visibility: 'private' as const }] },
    ]) {
      rig.change(input);
      expect(scopeOf(rig, 'tools/list', TOOLS)).toBe('private');
      expect(scopeOf(rig, 'server/discover', {})).toBe('private');
    }
  });

  it('is not said where the upstream did not say anything', () => {
    const rig = startRig();
    rig.change({ servers: [{ ...SERVER, visibility: 'team' }] });
    expect(scopeOf(rig, 'tools/list', { ...TOOLS, cacheScope: undefined })).toBeUndefined();
  });
});

describe('a listen request', () => {
  function heardOf(rig: DataPlaneRig, text: string): string {
    rig.post(text, { headers: { ...HEADERS, 'mcp-method': 'subscriptions/listen' }, token: 'carl' });
    return rig.last().request.body?.toString() ?? '';
  }
  const body = (filter: string): string =>
    `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{${filter},"x":1.0,"_meta":${JSON.stringify(META)}}}`;

  it('passes byte for byte where nothing is hidden', () => {
    const rig = startRig();
    rig.change({ items: [OPEN] });
    const sent = body('"notifications":{ "resourceSubscriptions":["x://open"],"n":1.0}');
    expect(heardOf(rig, sent)).toBe(sent);
  });

  it('reaches the upstream without what nobody may read, in whatever spelling it is named', () => {
    const rig = startRig();
    rig.change({ items: [{ ...HIDDEN, enabled: false }, OPEN] });
    for (const filter of [
      '"notifications":{"toolsListChanged":true,"resourceSubscriptions":["x://open","x://hidden",7]}',
      '"Notifications":{"resourceSubscriptions":["x://hidden"]},"notifications":{"toolsListChanged":true,"resourceSubscriptions":["x://open"]}',
      '"notifications":{"resourceSubscriptions":["x://hidden"]},"notifications":{"toolsListChanged":true,"resourceSubscriptions":["x://open"]}',
      '"notifications":{"toolsListChanged":true,"re\\u017fourceSubscriptions":["x://hidden"],"resourceSubscriptions":["x://open"]}',
    ]) {
      const heard = heardOf(rig, body(filter));
      expect(heard).not.toContain('hidden');
      expect(heard).toContain('"x":1.0');
      expect(JSON.parse(heard)).toMatchObject({ params: { notifications: { toolsListChanged: true, resourceSubscriptions: ['x://open'] } } });
    }
  });
});
