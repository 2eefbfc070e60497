// The published package, as somebody gets it who never saw the repository: packed, installed from the tarball, started by its
// command.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NODE_FIRST = `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`;
let folder: string;
let installed: string;
let child: ChildProcess | undefined;

function npm(words: string[], cwd: string): string {
  return execFileSync('npm', words, { cwd, encoding: 'utf8', env: { ...process.env, PATH: NODE_FIRST }, stdio: ['ignore', 'pipe', 'pipe'] });
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'package-'));
  // A copy, so that packing cannot disturb whoever works in the repository.
  const copy = join(folder, 'repository');
  mkdirSync(copy);
  for (const name of ['package.json', 'bin', 'scripts', 'src', 'tsconfig.json', 'tsconfig.build.json', 'README.md', 'CHANGELOG.md', 'LICENSE']) {
    if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  npm(['pack'], copy);
  expect(readFileSync(join(copy, 'package.json'), 'utf8')).toBe(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const tarball = readdirSync(copy).find((name) => name.endsWith('.tgz')) ?? '';
  const user = join(folder, 'user');
  mkdirSync(user);
  writeFileSync(join(user, 'package.json'), '{"private":true}');
  npm(['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', join(copy, tarball)], user);
  installed = join(user, 'node_modules');
});

afterAll(async () => {
  if (child !== undefined && child.exitCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
});

it('the package brings neither a Node nor the tools it was built with', () => {
  const names = readdirSync(installed);
  expect(names.filter((name) => /^node(-bin)?-(linux|darwin|win)/.test(name))).toEqual([]);
  expect(names).not.toContain('typescript');
  expect(readdirSync(join(installed, 'mcpgateway', 'dist')).some((name) => name.endsWith('.test.js'))).toBe(false);
});

it('its command serves, with a database and secrets made beside it, and stops when told', async () => {
  const data = join(folder, 'data');
  child = spawn(join(installed, '.bin', 'mcpgateway'), ['serve', '--port', '0'], {
    cwd: folder,
    env: { PATH: NODE_FIRST, HOME: folder, DATABASE_URL: `sqlite:///${join(data, 'mcp.db')}`, LOG_LEVEL: 'WARNING' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  const ended = once(child, 'exit');
  const url = await new Promise<string>((resolve, reject) => {
    child?.stdout?.on('data', (chunk) => {
      out += String(chunk);
      const match = /running at (http:\S+)\n/.exec(out);
      if (match?.[1] !== undefined) resolve(match[1]);
    });
    void ended.then(([code]) => reject(new Error(`the gateway ended with ${String(code)} before it listened`)));
  });
  const answer = await fetch(`${url}/health`);
  expect([answer.status, await answer.json()]).toEqual([200, { status: 'healthy' }]);
  expect(readdirSync(data)).toContain('mcp.db.secrets.json');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
