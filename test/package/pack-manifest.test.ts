// What is published must not bring a Node along, and packing must never cost the repository its package.json.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ORIGINAL = readFileSync(join(ROOT, 'package.json'), 'utf8');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pack-'));
  mkdirSync(join(folder, 'scripts'));
  cpSync(join(ROOT, 'scripts/pack-manifest.mjs'), join(folder, 'scripts/pack-manifest.mjs'));
  writeFileSync(join(folder, 'package.json'), ORIGINAL);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (word: string): number | null => spawnSync(process.execPath, [join(folder, 'scripts/pack-manifest.mjs'), word]).status;
const manifest = (): string => readFileSync(join(folder, 'package.json'), 'utf8');

it('the packed package has its dependencies and nothing that installs a Node or builds', () => {
  expect(run('strip')).toBe(0);
  const packed = JSON.parse(manifest()) as Record<string, unknown>;
  const original = JSON.parse(ORIGINAL) as Record<string, unknown>;
  for (const key of ['optionalDependencies', 'devDependencies', 'scripts']) expect(packed).not.toHaveProperty(key);
  for (const key of ['name', 'version', 'dependencies', 'imports', 'bin', 'engines', 'files']) expect(packed[key]).toEqual(original[key]);
});

it('afterwards package.json is what it was, byte for byte', () => {
  run('strip');
  expect(run('restore')).toBe(0);
  expect(manifest()).toBe(ORIGINAL);
  expect(run('restore')).toBe(0);
  expect(manifest()).toBe(ORIGINAL);
});

it('a packing that was cut off is mended by the next one', () => {
  run('strip');
  run('strip');
  run('restore');
  expect(manifest()).toBe(ORIGINAL);
});

it('somebody’s change made meanwhile is never overwritten', () => {
  run('strip');
  writeFileSync(join(folder, 'package.json'), '{"changed":true}');
  expect(run('restore')).toBe(1);
  expect(manifest()).toBe('{"changed":true}');
});
