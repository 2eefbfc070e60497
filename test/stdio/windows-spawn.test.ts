// Windows cannot be had here; what is handed to it can be looked at.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { childEnvironment } from '../../src/data-plane/upstream/mcp-stdio/child-environment.ts';
import { checkCommand } from '../../src/data-plane/upstream/mcp-stdio/command-policy.ts';

const SHOW = fileURLToPath(new URL('../fixture/children/windows-spawn.ts', import.meta.url));

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'windows-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

interface Shown {
  command: string;
  args: string[];
  options: Record<string, unknown>;
}

function show(folder: string, ...args: string[]): Shown {
  return JSON.parse(execFileSync(process.execPath, ['--conditions=source', SHOW, folder, ...args], { encoding: 'utf8' })) as Shown;
}

function folderWith(name: string, folder = 'Program Files'): string {
  const path = join(root, folder);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, name), '@echo off\r\n');
  chmodSync(join(path, name), 0o755);
  return path;
}

/** What cmd.exe makes of a text outside its quotes: a caret makes the next character plain. */
const withoutCarets = (text: string): string => text.replace(/\^(.)/g, '$1');

describe.runIf(process.platform !== 'win32')('on Windows', () => {
  it('npx is npx.cmd, run by cmd.exe with every argument quoted and every sign of its language escaped', () => {
    const { command, args, options } = show(folderWith('npx.cmd'), '-y', 'C:\\My Files\\data', 'a & calc.exe', '%PATH%', 'say "hi"', 'end\\');
    expect(command).toBe('cmd.exe');
    expect(args.slice(0, 3)).toEqual(['/d', '/s', '/c']);
    const line = args[3] ?? '';
    expect(line.replace(/\^./g, '').slice(1, -1)).not.toMatch(/[&%"<>|!]/);
    expect(withoutCarets(line)).toBe(String.raw`"npx "-y" "C:\My Files\data" "a & calc.exe" "%PATH%" "say \"hi\"" "end\\""`);
    expect(options).toMatchObject({ windowsVerbatimArguments: true, windowsHide: true, detached: false, shell: false });
  });

  it('an .exe is started itself, and gets its arguments as a list', () => {
    const { command, args, options } = show(folderWith('npx.exe'), 'a & b', '%PATH%');
    expect(command).toBe('npx');
    expect(args).toEqual(['a & b', '%PATH%']);
    expect(options).not.toHaveProperty('windowsVerbatimArguments');
  });

  it('a command is known in any case and with the endings programs have there, a path only as it is listed', () => {
    for (const command of ['npx', 'NPX', 'npx.cmd', 'Npx.EXE']) expect(() => checkCommand(command, ['npx'], 'win32')).not.toThrow();
    for (const command of ['npx.bat', 'npx.cmd.exe', '.\\npx.cmd', 'C:\\x\\npx.cmd'])
      expect(() => checkCommand(command, ['npx'], 'win32')).toThrow('"');
    expect(() => checkCommand('c:\\tools\\server.exe', ['C:\\Tools\\server.exe'], 'win32')).not.toThrow();
    expect(() => checkCommand('npx.cmd', ['npx'], 'linux')).toThrow('may start');
  });

  it('variables are the same in any case, and a child has one PATH', () => {
    const own = { Path: 'C:\\bin', SystemRoot: 'C:\\Windows', JWT_SECRET_KEY: 'x', proxy: 'p' };
    expect(childEnvironment(own, ['PROXY'], { PATH: 'D:\\' }, 'win32')).toEqual({ PATH: 'D:\\', SystemRoot: 'C:\\Windows', proxy: 'p' });
  });
});
