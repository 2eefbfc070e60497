// What a combined server says of itself.
import { describe, expect, it } from 'vitest';
import { wordsOf } from '../../src/data-plane/upstream/combined/server-words.ts';
import { everything, itemRow, snapshotOf, upstreamRow, viewOf } from './combined-rig.ts';

function words(instructions: Record<string, string>, more: Parameters<typeof upstreamRow>[1] = {}) {
  const upstreams = Object.entries(instructions).map(([id, text]) => upstreamRow(id, { instructions: text, ...more }));
  return wordsOf(
    everything(
      snapshotOf(
        upstreams,
        Object.keys(instructions).map((id) => itemRow('tool', id, 'x')),
      ),
    ),
    viewOf(),
  );
}

describe('instructions', () => {
  it('of every upstream are heard, however much one has to say', () => {
    const text = words({ a: '😀'.repeat(100_000), b: 'Be brief.', c: 'y'.repeat(50_000) }).instructions ?? '';
    expect(text).toContain('## b\n\nBe brief.');
    expect(text).toContain('## c\n\nyyy');
    expect(text.length).toBeLessThanOrEqual(16_384);
    expect(text.length).toBeGreaterThan(16_000);
    expect(text.isWellFormed()).toBe(true);
  });

  it('are whole while there is room for all', () => {
    expect(words({ a: 'A.', b: ' ', c: 'C.' }).instructions).toBe('## a\n\nA.\n\n## c\n\nC.');
  });

  it('of very many upstreams still fit', () => {
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`u${at}`, 'text']));
    expect(words(many).instructions?.length).toBeLessThanOrEqual(16_384);
  });
});

describe('capabilities', () => {
  it('name subscriptions where an upstream has them, whichever era it is of', () => {
    expect(words({ a: '' }).capabilities).toMatchObject({ resources: { subscribe: true } });
    expect(words({ a: '' }, { legacy: false }).capabilities).toMatchObject({ resources: { subscribe: true } });
    expect(words({ a: '' }, { capabilities: { resources: {} } }).capabilities['resources']).toEqual({ listChanged: true });
  });
});
