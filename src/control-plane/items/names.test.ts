import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayNameOf, publishedNames, slugOf, type Nameable, type NameRules } from './names.ts';

const RULES: NameRules = { separator: '-', charsMax: 64 };
const item = (gatewaySlug: string, itemName: string, rest: Partial<Nameable> = {}): Nameable => ({
  id: `${gatewaySlug}/${rest.gatewayScope ?? ''}/${itemName}/${rest.key ?? itemName}`,
  gatewayId: gatewaySlug + (rest.gatewayScope ?? ''),
  gatewaySlug,
  gatewayScope: 'public',
  itemName,
  key: itemName,
  ...rest,
});
const namesOf = (items: readonly Nameable[], rules = RULES): string[] => {
  const names = publishedNames(items, rules);
  return items.map(({ id }) => names.get(id) as string);
};

describe('published names', () => {
  it.each([
    ['clock_tool', 'clock-tool'],
    ['Get  Weather!', 'get-weather'],
    ['Ann’s Café', 'anns-cafe'],
    ['--x--', 'x'],
    ['日本', ''],
  ])('slug of %s is "%s"', (text, slug) => {
    expect(slugOf(text)).toBe(slug);
  });

  it('join the slugs of gateway and item by the separator', () => {
    expect(namesOf([item('clock', 'get_time')])).toEqual(['clock-get-time']);
    expect(namesOf([item('clock', 'get_time')], { separator: '--', charsMax: 64 })).toEqual(['clock--get-time']);
    expect(namesOf([item('clock', 'get_time')], { separator: '.', charsMax: 64 })).toEqual(['clock.get-time']);
  });

  it('are as long as allowed, and different for items that differ only behind the cut', () => {
    for (const charsMax of [64, 128]) {
      const names = namesOf([item('gateway', `${'x'.repeat(200)}a`), item('gateway', `${'x'.repeat(200)}b`)], { separator: '-', charsMax });
      expect(names.map((name) => name.length)).toEqual([charsMax, charsMax]);
      expect(new Set(names).size).toBe(2);
    }
  });

  it('are different and not empty for tools of one gateway whose slugs are equal or empty; the one called by its slug keeps it', () => {
    const names = namesOf(['get-time', 'get_time', 'get.time', '日本', '中国'].map((name) => item('g', name)));
    expect(new Set(names).size).toBe(5);
    expect(names[0]).toBe('g-get-time');
    for (const name of names) expect(name).toMatch(/^g-[a-z0-9-]*[a-z0-9]$/);
  });

  it('are nobody’s plainly when two gateways claim them, so that who comes later takes over no calls', () => {
    const names = namesOf([item('a-b', 'c'), item('a', 'b-c')]);
    for (const name of names) expect(name).toMatch(/^a-b-c-[0-9a-f]{8}$/);
    expect(new Set(names).size).toBe(2);
  });

  it('tell gateways of the same name and different owners apart', () => {
    const names = namesOf([item('clock', 'now'), item('clock', 'now', { gatewayScope: 'private ann@example.com' })]);
    expect(new Set(names).size).toBe(2);
    expect(names).not.toContain('clock-now');
  });

  it('are prettified for people', () => {
    expect(displayNameOf('get_forecast.v2')).toBe('Get Forecast V2');
  });
});

describe('published names of anything', () => {
  const word = fc.constantFrom('a', 'b', 'a-b', 'a_b', 'A b', 'c', 'b-c', '日本', 'x'.repeat(70), `${'x'.repeat(70)}y`, 'a-b-c-d9a3f012');
  const items = fc
    .uniqueArray(fc.record({ gateway: fc.constantFrom('a', 'a-b', 'x'.repeat(60)), scope: fc.constantFrom('', 'ann'), name: word, key: word }), {
      selector: ({ gateway, scope, key }) => `${gateway}/${scope}/${key}`,
      maxLength: 30,
    })
    .map((facts) => facts.map(({ gateway, scope, name, key }) => item(gateway, name, { gatewayScope: scope, key })));
  const rules: fc.Arbitrary<NameRules> = fc.record({ separator: fc.constantFrom('-', '--', '_', '.'), charsMax: fc.constantFrom(64, 128) });

  it('stand for exactly one item each, fit, and are names that MCP and models take', () => {
    fc.assert(
      fc.property(items, rules, (all, given) => {
        const names = namesOf(all, given);
        expect(new Set(names).size).toBe(all.length);
        for (const name of names) {
          expect(name.length).toBeLessThanOrEqual(given.charsMax);
          expect(name).toMatch(/^[a-zA-Z0-9_.-]+$/);
        }
      }),
    );
  });

  it('do not depend on the order in which items came', () => {
    fc.assert(
      fc.property(items, fc.infiniteStream(fc.nat()), (all, order) => {
        const turned = all.map((each) => ({ each, at: order.next().value as number })).sort((a, b) => a.at - b.at);
        expect(
          publishedNames(
            turned.map(({ each }) => each),
            RULES,
          ),
        ).toEqual(new Map(turned.map(({ each }) => [each.id, publishedNames(all, RULES).get(each.id)])));
      }),
    );
  });

  it('stay for who collides with nobody new', () => {
    fc.assert(
      fc.property(items, (all) => {
        const before = publishedNames(all, RULES);
        const after = publishedNames([...all, item('elsewhere', 'new')], RULES);
        for (const { id } of all) expect(after.get(id)).toBe(before.get(id));
      }),
    );
  });

  it('are stable when names were forged to look like the hashed name of another item', () => {
    const plain = [item('a-b', 'c'), item('a', 'b-c')];
    const forged = namesOf(plain).map((name) => item('a', name.slice('a-'.length)));
    const names = namesOf([...plain, ...forged]);
    expect(new Set(names).size).toBe(4);
  });
});
