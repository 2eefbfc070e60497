import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listOf, pageOf } from '../../src/data-plane/upstream/combined/list-pages.ts';
import { routeOf } from '../../src/data-plane/upstream/combined/route.ts';
import { indexOf } from '../../src/data-plane/upstream/combined/combined-index.ts';
import { withPublishedUris } from '../../src/data-plane/upstream/combined/shared-uris.ts';
import { matcherOf, plainUri, wideMatcherOf } from '../../src/base/protocol/index.ts';
import { everything, itemRow, NOTHING_KNOWN, request, snapshotOf, upstreamRow, viewOf } from './combined-rig.ts';

function route(items: Parameters<typeof snapshotOf>[1], method: string, params: object) {
  const server = everything(snapshotOf([upstreamRow('a'), upstreamRow('b')], items));
  const { message, text } = request(method, params);
  const found = routeOf(server, viewOf(), message, text, ...NOTHING_KNOWN);
  return found === undefined ? undefined : { upstream: found.upstream.id, params: (JSON.parse(found.text) as { params: unknown }).params };
}

describe('a request to a combined server', () => {
  it('goes to the upstream of the tool, under the upstream’s own name', () => {
    const items = [itemRow('tool', 'a', 'echo'), itemRow('tool', 'b', 'echo')];
    expect(route(items, 'tools/call', { name: 'b-echo', arguments: { n: 1 } })).toEqual({
      upstream: 'b',
      params: { name: 'echo', arguments: { n: 1 } },
    });
  });

  it('takes an upstream’s own name, or one of former times, where it can mean one tool only', () => {
    const items = [itemRow('tool', 'a', 'echo'), itemRow('tool', 'b', 'other', { formerNames: ['b-old'] })];
    expect(route(items, 'tools/call', { name: 'echo' })).toMatchObject({ upstream: 'a' });
    expect(route(items, 'tools/call', { name: 'b-old' })).toEqual({ upstream: 'b', params: { name: 'other' } });
    const twice = [itemRow('tool', 'a', 'echo'), itemRow('tool', 'b', 'echo')];
    expect(() => route(twice, 'tools/call', { name: 'echo' })).toThrow(expect.objectContaining({ code: 'tool.not_found' }));
  });

  it('never goes by a former name that somebody has now', () => {
    const items = [itemRow('tool', 'a', 'x', { name: 'taken' }), itemRow('tool', 'b', 'y', { formerNames: ['taken'] })];
    expect(route(items, 'tools/call', { name: 'taken' })).toMatchObject({ upstream: 'a' });
  });

  it('reads by URI and by template', () => {
    const items = [itemRow('resource', 'a', 'demo://a/1'), itemRow('template', 'b', 'demo://b/{id}')];
    expect(route(items, 'resources/read', { uri: 'demo://a/1' })).toMatchObject({ upstream: 'a' });
    expect(route(items, 'resources/read', { uri: 'demo://b/7' })).toMatchObject({ upstream: 'b' });
    expect(() => route(items, 'resources/read', { uri: 'demo://c/7' })).toThrow(expect.objectContaining({ code: 'resource.not_found' }));
  });

  it('reads no hidden resource by way of a template it fits', () => {
    const items = [
      itemRow('resource', 'a', 'demo://docs/off', { enabled: false }),
      itemRow('template', 'a', 'demo://docs/{name}'),
      itemRow('template', 'a', 'demo://docs/{+path}'),
    ];
    expect(route(items, 'resources/read', { uri: 'demo://docs/on' })).toMatchObject({ upstream: 'a' });
    for (const uri of ['demo://docs/off', 'demo://docs/./off', 'demo://docs/%6fff'])
      expect(() => route(items, 'resources/read', { uri })).toThrow(expect.objectContaining({ code: 'resource.not_found' }));
  });

  it('completes for the prompt and the template it names', () => {
    const items = [itemRow('prompt', 'a', 'p'), itemRow('template', 'b', 'demo://b/{id}')];
    const argument = { name: 'id', value: '1' };
    expect(route(items, 'completion/complete', { ref: { type: 'ref/prompt', name: 'a-p' }, argument })).toEqual({
      upstream: 'a',
      params: { ref: { type: 'ref/prompt', name: 'p' }, argument },
    });
    expect(route(items, 'completion/complete', { ref: { type: 'ref/resource', uri: 'demo://b/{id}' }, argument })).toMatchObject({ upstream: 'b' });
  });
});

describe('URIs that several upstreams have', () => {
  const items = [
    itemRow('resource', 'a', 'file:///x'),
    itemRow('resource', 'b', 'file:///x'),
    itemRow('resource', 'b', 'file:///only'),
    itemRow('template', 'a', 'file:///{+path}'),
    itemRow('template', 'b', 'file:///{+path}'),
  ];
  const server = everything(snapshotOf([upstreamRow('a'), upstreamRow('b')], items));

  it('are shown with their gateway, none in another’s place', () => {
    const page = JSON.parse(pageOf(listOf(server, viewOf(), 'resource', 10), undefined).toString()) as { resources: { uri: string }[] };
    expect(page.resources.map(({ uri }) => uri)).toEqual(['file:///only', 'a+file:///x', 'b+file:///x']);
  });

  it('are read, subscribed to and completed under the upstream’s own', () => {
    expect(route(items, 'resources/read', { uri: 'b+file:///x' })).toEqual({ upstream: 'b', params: { uri: 'file:///x' } });
    expect(route(items, 'resources/subscribe', { uri: 'a+file:///x' })).toEqual({ upstream: 'a', params: { uri: 'file:///x' } });
    expect(route(items, 'resources/read', { uri: 'a+file:///deep/er' })).toEqual({ upstream: 'a', params: { uri: 'file:///deep/er' } });
    expect(route(items, 'completion/complete', { ref: { type: 'ref/resource', uri: 'b+file:///{+path}' }, argument: {} })).toMatchObject({
      upstream: 'b',
      params: { ref: { uri: 'file:///{+path}' } },
    });
  });

  it('are named so in what the upstream answers', () => {
    const names = indexOf(server).uriNames.get('b');
    const answer =
      '{"result":{"content":[{"type":"resource_link","uri": "file:///x"},{"type":"text","text":"file:///x"}],"_meta":{"ui":{"resourceUri":"file:///only"}}}}';
    expect(withPublishedUris(answer, names)).toBe(answer.replace('"uri": "file:///x"', '"uri": "b+file:///x"'));
  });
});

describe('what is made of a template that several upstreams have', () => {
  it('is named in answers so that it leads back to the same upstream', () => {
    const items = ['a', 'b'].map((id) => itemRow('template', id, 'file:///{+path}'));
    const server = everything(snapshotOf([upstreamRow('a'), upstreamRow('b')], items));
    const answer = '{"result":{"contents":[{"uri":"file:///deep/er","text":"x"}]}}';
    const shown = withPublishedUris(answer, indexOf(server).uriNames.get('b'));
    expect(shown).toBe(answer.replace('file:', 'b+file:'));
    expect(route(items, 'resources/read', { uri: 'b+file:///deep/er' })).toEqual({ upstream: 'b', params: { uri: 'file:///deep/er' } });
  });
});

describe('an upstream that chooses URIs as the gateway makes them', () => {
  it('gets nobody’s readers', () => {
    const items = [
      itemRow('resource', 'a', 'r://x'),
      itemRow('resource', 'b', 'r://x'),
      itemRow('resource', 'b', 'a+r://x'),
      itemRow('resource', 'a', 'b+a+r://x'),
    ];
    for (const rows of [items, items.toReversed()]) {
      expect(route(rows, 'resources/read', { uri: 'a+r://x' })).toEqual({ upstream: 'a', params: { uri: 'r://x' } });
      expect(route(rows, 'resources/read', { uri: 'b+a+r://x' })).toEqual({ upstream: 'b', params: { uri: 'a+r://x' } });
      expect(route(rows, 'resources/read', { uri: 'a+b+a+r://x' })).toEqual({ upstream: 'a', params: { uri: 'b+a+r://x' } });
    }
  });
});

describe('gateways whose names look alike in a scheme', () => {
  it('never share a URI', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom('日本', '中国', 'a b', 'a-b', 'A_B', 'a', '1', 'g1'), { minLength: 2 }), (names) => {
        const upstreams = names.map((name, at) => upstreamRow(`u${at}`, { name }));
        const items = upstreams.map(({ id }) => itemRow('resource', id, 'r://x'));
        const { resources, uriNames } = indexOf(everything(snapshotOf(upstreams, items)));
        expect(resources.size).toBe(names.length);
        for (const [uri, { upstream }] of resources) expect(uriNames.get(upstream.id)?.published.get('r://x')).toBe(uri);
        for (const uri of resources.keys()) expect(URL.canParse(uri), uri).toBe(true);
      }),
    );
  });
});

describe('a URI template', () => {
  it.each([
    ['demo://x/{id}', 'demo://x/1', true],
    ['demo://x/{id}', 'demo://x/1/2', false],
    ['demo://x/{id}', 'demo://x/', false],
    ['demo://x/{+path}', 'demo://x/1/2', true],
    ['demo://x/{a}/y/{b}', 'demo://x/1/y/2', true],
    ['demo://x/{a}/y/{b}', 'demo://x/1/z/2', false],
    ['demo://x{?q}', 'demo://x?q=1', true],
    ['demo://x{?q}', 'demo://x', true],
    ['demo://{a}.txt', 'demo://b.txt', true],
    ['demo://{a}.txt', 'demo://b.md', false],
    ['demo://x/{+a}/m/{b}', 'demo://x/1/m/2/m/3', true],
    ['demo://x/{a}.{b}', 'demo://x/a.b.c', true],
    ['demo://x/{a}{b}', 'demo://x/1', false],
    ['demo://x/{a}{b}', 'demo://x/12', true],
    ['plain://x', 'plain://x', true],
    ['plain://x', 'plain://xy', false],
  ])('%s for %s: %s', (template, uri, isMatch) => {
    expect(matcherOf(template)(uri)).toBe(isMatch);
  });

  it('matches what it makes, for any values', () => {
    const value = fc.stringMatching(/^[a-zA-Z0-9_-]{1,8}$/);
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(matcherOf('x://{a}/~/{b}.json')(`x://${a}/~/${b}.json`)).toBe(true);
      }),
    );
  });

  it('is met in its widest reading by whatever meets it, and by other spellings', () => {
    const part = fc.constantFrom('{a}', '{+b}', '{?q}', '{/c}', '/', 'x', 'm', '.');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.array(fc.constantFrom('/', 'x', 'm', '.', 'y'), { maxLength: 10 }), (parts, rest) => {
        const template = `s://${parts.join('')}`;
        const uri = `s://${rest.join('')}`;
        if (matcherOf(template)(uri)) expect(wideMatcherOf(template)(uri)).toBe(true);
      }),
    );
    expect(wideMatcherOf('s://a/{id}/b')('s://a/1/2/b')).toBe(true);
    expect(wideMatcherOf('s://a/{id}/b')('s://a/b')).toBe(false);
    expect(wideMatcherOf('s://a')('s://ab')).toBe(false);
    expect(plainUri(' S://a/./b/%63 ')).toBe(plainUri('s://a/b/c'));
  });

  it('is decided in no time, whatever the template', () => {
    expect(matcherOf(`x://${'{a}'.repeat(500)}y`)('x://'.padEnd(2000, 'a'))).toBe(false);
  });
});
