// Tools whose arguments travel in headers too, on combined servers (ADR 33).
import { expect, it } from 'vitest';
import { AppError } from '../../src/base/kernel/index.ts';
import type { UpstreamRow } from '../../src/data-plane/gateway/index.ts';
import { listOf, pageOf } from '../../src/data-plane/upstream/combined/list-pages.ts';
import { routeOf } from '../../src/data-plane/upstream/combined/route.ts';
import { everything, itemRow, NOTHING_KNOWN, request, snapshotOf, upstreamRow, viewOf } from './combined-rig.ts';

function tool(upstreamId: string, type: string): ReturnType<typeof itemRow> {
  const inputSchema = { type: 'object', properties: { region: { type, 'x-mcp-header': 'Region' } } };
  return itemRow('tool', upstreamId, type, { json: JSON.stringify({ name: type, inputSchema }) });
}

function shown(upstream: Partial<UpstreamRow>, era: 'legacy' | 'modern'): { listed: string[]; callable: string[] } {
  const rows = [tool('a', 'string'), tool('a', 'number')];
  const server = everything(snapshotOf([upstreamRow('a', upstream)], rows));
  const view = viewOf({}, [], era);
  const { tools } = JSON.parse(pageOf(listOf(server, view, 'tool', 10), undefined).toString()) as { tools: { name: string }[] };
  const callable = rows.filter(({ name }) => {
    const { message, text } = request('tools/call', { name });
    try {
      return routeOf(server, view, message, text, ...NOTHING_KNOWN) !== undefined;
    } catch (error) {
      if (error instanceof AppError) return false;
      throw error;
    }
  });
  return { listed: tools.map(({ name }) => name), callable: callable.map(({ name }) => name) };
}

it('a tool whose headers are ill declared is for nobody who has to send them', () => {
  const both = { listed: ['a-number', 'a-string'], callable: ['a-string', 'a-number'] };
  const good = { listed: ['a-string'], callable: ['a-string'] };
  expect(shown({}, 'modern')).toEqual(good);
  expect(shown({ transport: 'STDIO' }, 'modern')).toEqual(good);
  expect(shown({ modern: true, legacy: false }, 'legacy')).toEqual(good);
  expect(shown({}, 'legacy')).toEqual(both);
  expect(shown({ modern: true, legacy: false, transport: 'STDIO' }, 'legacy')).toEqual(both);
});

it('a call’s route says what travels in headers, by whatever name the tool is called', () => {
  const server = everything(snapshotOf([upstreamRow('a')], [{ ...tool('a', 'string'), formerNames: ['old'] }]));
  for (const name of ['a-string', 'string', 'old']) {
    const { message, text } = request('tools/call', { name });
    const route = routeOf(server, viewOf(), message, text, ...NOTHING_KNOWN);
    expect(route?.params).toEqual([{ header: 'mcp-param-region', path: ['region'] }]);
  }
});
