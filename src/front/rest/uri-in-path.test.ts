import { expect, test } from 'vitest';
import type { RouteSpec } from '#control-plane/http-contract';
import { createUriRewriter } from './uri-in-path.ts';

const route = (method: string, path: string, takesUri = false): RouteSpec => ({ method, path, takesUri }) as RouteSpec;
const rewrite = createUriRewriter([
  route('GET', '/resources'),
  route('GET', '/resources/templates/list'),
  route('GET', '/resources/:id', true),
  route('GET', '/resources/:id/info', true),
  route('PUT', '/resources/:id', true),
  route('POST', '/resources/:id/state', true),
  route('GET', '/gateways/:id'),
]);
const ID = '0123456789abcdef0123456789abcdef';
const encoded = encodeURIComponent;

test.each([
  ['GET', '/resources/config://app/settings', `/resources/${encoded('config://app/settings')}`],
  ['HEAD', '/resources/config://app/settings', `/resources/${encoded('config://app/settings')}`],
  ['PUT', '/v1/resources/file:///a/b?x=1', `/v1/resources/${encoded('file:///a/b')}?x=1`],
  ['GET', '/resources/file:///dir/', `/resources/${encoded('file:///dir/')}`],
  ['GET', '/resources/file:///a%20b', `/resources/${encoded('file:///a%20b')}`],
  ['GET', '/resources/config%3A//app', `/resources/${encoded('config://app')}`],
  ['GET', '/resources/data/a%20b', `/resources/${encoded('data/a b')}`],
  ['GET', '/resources/file:///a/info', `/resources/${encoded('file:///a')}/info`],
  ['POST', '/resources/file:///a/state/?activate=false', `/resources/${encoded('file:///a')}/state?activate=false`],
  ['PUT', '/resources/file:///a/info', `/resources/${encoded('file:///a/info')}`],
])('%s %s is of the URI that stands in it', (method, url, routed) => {
  expect(rewrite({ method, url })).toBe(routed);
});

test.each([
  ['GET', '/resources'],
  ['GET', '/resources/'],
  ['GET', '/resources/templates/list/?limit=1'],
  ['GET', `/resources/${ID}`],
  ['GET', `/resources/${ID}/info`],
  ['GET', `/resources/${ID}/nothing/here`],
  ['GET', '/resources/urn:x:y/'],
  ['GET', `/resources/${encoded('file:///a')}`],
  ['POST', `/resources/${encoded('file:///a')}/state`],
  ['DELETE', '/resources/file:///a/b'],
  ['GET', '/resources/%ff/%fe'],
  ['GET', '/gateways/a/b'],
  ['GET', '*'],
])('%s %s is left alone', (method, url) => {
  expect(rewrite({ method, url })).toBe(url);
});
