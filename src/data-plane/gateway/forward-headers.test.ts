import { expect, it } from 'vitest';
import { forwardHeaders } from './forward-headers.ts';

const plain = { headers: [], passthroughHeaders: [] };

it('the caller’s credentials, cookies, session and routing headers stay here, even when passthrough names them', () => {
  const headers = {
    authorization: 'Bearer mine',
    cookie: 'a=b',
    host: 'h',
    origin: 'http://o',
    'mcp-session-id': 's',
    'last-event-id': '1',
    'x-other': '1',
  };
  expect(forwardHeaders(headers, { headers: [], passthroughHeaders: Object.keys(headers).filter((name) => name !== 'x-other') })).toEqual([]);
});

it('MCP and tracing headers pass, named ones pass where the gateway’s owner allows them', () => {
  expect(forwardHeaders({ 'mcp-method': 'ping', 'mcp-param-region': 'eu', traceparent: 't', 'x-tenant': '7' }, plain)).toEqual([
    'mcp-method',
    'ping',
    'mcp-param-region',
    'eu',
    'traceparent',
    't',
  ]);
  expect(forwardHeaders({ 'x-tenant': '7' }, { headers: [], passthroughHeaders: ['x-tenant'] })).toEqual(['x-tenant', '7']);
});

it('X-Upstream-Authorization becomes Authorization, unless the gateway has credentials of its own', () => {
  expect(forwardHeaders({ 'x-upstream-authorization': 'Bearer theirs' }, plain)).toEqual(['authorization', 'Bearer theirs']);
  expect(
    forwardHeaders({ 'x-upstream-authorization': 'Bearer theirs' }, { headers: [['Authorization', 'Bearer own']], passthroughHeaders: [] }),
  ).toEqual([]);
});

it('a header that the gateway’s credentials set is not sent twice', () => {
  expect(forwardHeaders({ 'x-api-key': 'client' }, { headers: [['X-API-Key', 'own']], passthroughHeaders: ['x-api-key'] })).toEqual([]);
});
