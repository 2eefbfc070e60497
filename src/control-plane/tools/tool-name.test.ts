import { describe, expect, it } from 'vitest';
import { displayNameOf, publishedNames, slugOf } from './tool-name.ts';

const nameOf = (slug: string, original: string): string => publishedNames(slug, [original]).get(original) as string;

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

  it('join the slugs of gateway and tool', () => {
    expect(nameOf('clock', 'get_time')).toBe('clock-get-time');
  });

  it('are at most 64 characters, and different for tools that differ only behind the cut', () => {
    const [a, b] = ['a', 'b'].map((end) => nameOf('gateway', 'x'.repeat(100) + end));
    expect([a?.length, b?.length]).toEqual([64, 64]);
    expect(a).not.toBe(b);
  });

  it('are different and not empty for tools whose slugs are equal or empty', () => {
    const names = [...publishedNames('g', ['get-time', 'get_time', 'get.time', '日本', '中国']).values()];
    expect(new Set(names).size).toBe(5);
    expect(names[0]).toBe('g-get-time');
    for (const name of names) expect(name).toMatch(/^g-[a-z0-9-]*[a-z0-9]$/);
  });

  it('do not depend on the order in which tools are listed', () => {
    const originals = ['get_time', 'get.time', 'set', '日本'];
    const turned = publishedNames('g', [...originals].reverse());
    for (const [original, name] of publishedNames('g', originals)) expect(turned.get(original)).toBe(name);
  });

  it('are prettified for people', () => {
    expect(displayNameOf('get_forecast.v2')).toBe('Get Forecast V2');
  });
});
