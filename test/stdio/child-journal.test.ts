// What survives the sudden death of a gateway is ended at the next start; what is not its own is left alone.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openChildJournal } from '../../src/data-plane/upstream/mcp-stdio/child-journal.ts';
import { isAlive, OWNER, StdioRig, TALKER, until } from './stdio-rig.ts';

const TIMES = { gentleMs: 0, termMs: 200 };
let folder: string;
let started: number[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'journal-'));
});
afterEach(() => {
  for (const pid of started) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  started = [];
  rmSync(folder, { recursive: true, force: true });
});

const notes = (): string[] => readdirSync(folder);

class Owner {
  readonly process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;

  constructor() {
    this.process = spawn(process.execPath, ['--conditions=source', OWNER, folder, TALKER], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#answers = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
    started.push(this.process.pid ?? 0);
  }

  async ask(command: Record<string, unknown>): Promise<number> {
    this.process.stdin.write(`${JSON.stringify(command)}\n`);
    const answer = JSON.parse(String((await this.#answers.next()).value)) as { hangs?: number; grandchild?: number };
    const pid = answer.hangs ?? answer.grandchild ?? 0;
    started.push(pid);
    return pid;
  }

  async die(signal: NodeJS.Signals): Promise<void> {
    const isGone = once(this.process, 'exit');
    this.process.kill(signal);
    await isGone;
  }
}

describe.runIf(process.platform === 'linux')('a journal of children', () => {
  it('remembers a child exactly as long as something of it is left', async () => {
    const rig = new StdioRig({ journal: openChildJournal(folder) });
    const line = rig.open();
    await line.ask({ do: 'echo', value: 1 });
    expect(notes()).toHaveLength(1);
    expect(readFileSync(join(folder, notes()[0] ?? ''), 'utf8')).not.toContain(TALKER);
    await line.channel.close();
    expect(notes()).toEqual([]);
    await rig.closeAll();
  });

  it('ends what a gateway that was killed left running, though it ignores SIGTERM', async () => {
    const owner = new Owner();
    const child = await owner.ask({ do: 'hang' });
    await owner.die('SIGKILL');
    expect(isAlive(child)).toBe(true);
    expect(await openChildJournal(folder).endLeftovers(TIMES)).toBe(1);
    await until(() => !isAlive(child));
    expect(notes()).toEqual([]);
    expect(await openChildJournal(folder).endLeftovers(TIMES)).toBe(0);
  });

  it('ends a grandchild too, whose parent ended with the gateway', async () => {
    const owner = new Owner();
    const grandchild = await owner.ask({ do: 'fork', stubborn: true });
    await owner.die('SIGKILL');
    const pid = Number(/child-\d+-(\d+)/.exec(notes()[0] ?? '')?.[1]);
    await until(() => !isAlive(pid));
    expect(isAlive(grandchild)).toBe(true);
    expect(await openChildJournal(folder).endLeftovers(TIMES)).toBe(1);
    await until(() => !isAlive(grandchild));
    expect(notes()).toEqual([]);
  });

  it('leaves the children of a gateway that lives alone', async () => {
    const owner = new Owner();
    const child = await owner.ask({ do: 'hang' });
    expect(await openChildJournal(folder).endLeftovers(TIMES)).toBe(0);
    expect(isAlive(child)).toBe(true);
    expect(notes()).toHaveLength(1);
    await owner.die('SIGKILL');
    await openChildJournal(folder).endLeftovers(TIMES);
  });

  it('does not touch a foreign process that was given an id of the past', async () => {
    const owner = new Owner();
    const child = await owner.ask({ do: 'hang' });
    await owner.die('SIGKILL');
    const path = join(folder, notes()[0] ?? '');
    const note = JSON.parse(readFileSync(path, 'utf8')) as { child: { startedAt: string } };
    note.child.startedAt = String(Number(note.child.startedAt) - 1);
    writeFileSync(path, JSON.stringify(note));
    expect(await openChildJournal(folder).endLeftovers(TIMES)).toBe(0);
    expect(isAlive(child)).toBe(true);
    expect(notes()).toEqual([]);
  });

  it('does not judge notes of another container, forgets those of another boot, and throws broken ones away', async () => {
    const note = (boot: object): string =>
      JSON.stringify({ child: { pid: process.pid, startedAt: '1' }, command: 'x', owner: { pid: 999_999_999, startedAt: '1' }, ...boot });
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    writeFileSync(join(folder, 'child-1-1.json'), note({ boot, namespace: 'pid:[1]' }));
    writeFileSync(join(folder, 'child-1-2.json'), note({ boot: 'earlier', namespace: 'pid:[1]' }));
    writeFileSync(join(folder, 'child-1-3.json'), '{');
    writeFileSync(join(folder, 'notes-of-somebody.txt'), '');
    expect(await openChildJournal(folder).endLeftovers(TIMES)).toBe(0);
    expect(notes().sort()).toEqual(['child-1-1.json', 'notes-of-somebody.txt']);
  });

  it('that cannot be written stops no process from running', async () => {
    const gone = join(folder, 'gone');
    const warnings: string[] = [];
    const logger = { debug() {}, info() {}, error() {}, warn: (message: string) => void warnings.push(message) };
    const journal = openChildJournal(gone);
    rmSync(gone, { recursive: true });
    const rig = new StdioRig({ journal, logger });
    expect(await rig.open().ask({ do: 'echo', value: 1 })).toEqual({ value: 1 });
    expect(warnings).toHaveLength(1);
    expect(existsSync(gone)).toBe(false);
    await rig.closeAll();
  });
});

describe.runIf(process.platform !== 'win32')('a gateway that fails', () => {
  it('takes its processes with it', async () => {
    const owner = new Owner();
    const child = await owner.ask({ do: 'hang' });
    const isGone = once(owner.process, 'exit');
    owner.process.stdin.write('throw\n');
    expect((await isGone)[0]).not.toBe(0);
    await until(() => !isAlive(child));
  });
});
