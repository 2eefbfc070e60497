// What a program may do on its three pipes, and what the gateway makes of it.
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAlive, Line, StdioRig, TALKER, until, type RigOptions } from './stdio-rig.ts';

let rigs: StdioRig[] = [];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stdio-'));
});
afterEach(async () => {
  await Promise.all(rigs.map((rig) => rig.closeAll()));
  rigs = [];
  rmSync(folder, { recursive: true, force: true });
});

function newRig(options: RigOptions = {}): StdioRig {
  const rig = new StdioRig(options);
  rigs.push(rig);
  return rig;
}

const isPosix = process.platform !== 'win32';

describe('messages', () => {
  it('travel both ways, one a line, and keep every byte that is not ASCII', async () => {
    const line = newRig().open();
    expect(await line.ask({ do: 'echo', value: 'grüße 🦊 \u2028' })).toEqual({ value: 'grüße 🦊 \u2028' });
  });

  it('of ten megabytes pass in both directions', async () => {
    const line = newRig().open();
    expect(await line.ask({ do: 'size', value: 'ü'.repeat(5_000_000) })).toEqual({ length: 5_000_000 });
    const answer = await line.ask({ do: 'big', length: 10_000_000 });
    expect(answer['text']).toHaveLength(10_000_000);
  });

  it('with line breaks between their tokens arrive as one line', async () => {
    const line = newRig().open();
    line.channel.send(Buffer.from('{\r\n  "do": "echo",\n\t"value": "a\\nb"\r}\n'));
    await until(() => line.messages.length > 0);
    expect(JSON.parse(line.messages[0] ?? '')).toEqual({ value: 'a\nb' });
  });

  it('that come in pieces are put together, and half a line at the end is dropped', async () => {
    const line = newRig().open();
    line.say({ do: 'raw', text: '{"half":' });
    line.say({ do: 'raw', text: '1}\r\n\n  \n{"second":2}\n{"never' });
    line.say({ do: 'exit', code: 0 });
    await line.error();
    expect(line.messages).toEqual(['{"half":1}', '{"second":2}']);
  });

  it('are not mistaken for what else a server prints: banners, numbers, binary noise and invalid UTF-8', async () => {
    const line = newRig().open();
    line.say({ do: 'raw', text: 'Server \u001b[31mready\u001b[0m\n[INFO] on stdio\n{\n42\n"text"\n' });
    line.say({ do: 'bytes', base64: Buffer.from([0xff, 0x00, 0x0a, 0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d, 0x0a]).toString('base64') });
    expect(await line.ask({ do: 'echo', value: 1 })).toEqual({ value: 1 });
    expect(line.messages).toHaveLength(1);
    line.say({ do: 'exit', code: 3 });
    const error = await line.error();
    expect(error.message).toContain('7 lines to stdout that are no messages, the first: "Server ready"');
  });

  it('wait while the receiver is full, and are all there afterwards', async () => {
    const line = newRig().open();
    await line.ask({ do: 'echo', value: 0 });
    line.channel.pause();
    for (let i = 1; i <= 50; i++) line.say({ do: 'big', length: 10_000 });
    line.channel.resume();
    await until(() => line.messages.length === 51);
    expect(line.errors).toEqual([]);
  });

  it('written just before the end are still given out, also to a receiver that is full', async () => {
    const line = newRig().open();
    await line.ask({ do: 'echo', value: 0 });
    line.channel.pause();
    line.say({ do: 'echo', value: 'last' });
    line.say({ do: 'exit', code: 0 });
    await line.error();
    expect(line.messages.at(-1)).toBe('{"value":"last"}');
  });

  it('that a process does not read end the line before they fill the memory', async () => {
    const line = newRig().open();
    await line.ask({ do: 'deaf' });
    const message = Buffer.alloc(16 * 1024 * 1024, 0x20);
    for (let i = 0; i < 6 && line.errors.length === 0; i++) line.channel.send(message);
    expect(await line.error()).toMatchObject({
      code: 'upstream.connection_lost',
      message: expect.stringMatching(/"talker".*does not read its input/),
    });
    line.channel.send(message);
    await until(() => rigs[0]?.opener.processCount === 0);
  });
});

describe('a process that fails', () => {
  it('is named with its exit code and its last words', async () => {
    const line = newRig().open({ args: ['-e', 'console.error("no licence file"); process.exit(7)'] });
    expect(await line.error()).toMatchObject({
      code: 'upstream.exited',
      message: 'Gateway "talker": its process ended before it said anything (exit code 7). Last words: no licence file',
    });
  });

  it('by a signal is told at once', async () => {
    const line = newRig().open();
    const { hangs } = await line.ask({ do: 'hang' });
    process.kill(hangs as number, 'SIGKILL');
    expect((await line.error()).message).toBe('Gateway "talker": its process ended (signal SIGKILL).');
    expect(line.errors).toHaveLength(1);
  });

  it('floods stderr without stopping, and only the end is kept', async () => {
    const line = newRig().open();
    expect(await line.ask({ do: 'warn', text: `${'noise '.repeat(20)}\n`, times: 50_000 })).toEqual({ warned: 50_000 });
    await line.ask({ do: 'warn', text: 'the \u001b[1mreal\u001b[0m cause\u202e\n' });
    line.say({ do: 'exit', code: 1 });
    const error = await line.error();
    expect(error.message).toMatch(/the real cause\ufffd$/);
    expect(error.message.length).toBeLessThan(1200);
    expect(error.internal?.length).toBeLessThan(4400);
  });

  it('never tells the secrets it was given', async () => {
    const logged: string[] = [];
    const keep = (message: string, fields?: unknown): void => void logged.push(message + JSON.stringify(fields));
    const rig = newRig({ logger: { debug: keep, info: keep, warn: keep, error: keep } });
    const env = { API_KEY: 'sk-very-secret', PEM: '-----BEGIN\nline-one-of-key\nline-two-of-key\n', FLAG: 'on' };
    const line = rig.open({ env, args: [TALKER, '--auth-token', 'given-as-argument'] });
    await line.ask({ do: 'warn', text: 'key sk-very-secret is on\nline-two-of-key\n' });
    await line.ask({ do: 'warn', text: 'no such user: given-as-argument\n' });
    line.say({ do: 'raw', text: 'starting with sk-very-secret\n' });
    await line.ask({ do: 'warn', text: `${'x'.repeat(2040)}sk-very-secret\n` });
    line.say({ do: 'exit', code: 1 });
    const error = await line.error();
    const everything = error.message + error.internal + logged.join('\n');
    expect(error.internal).toContain('key *** is on');
    expect(error.message).toContain('the first: "starting with ***"');
    expect(everything).not.toMatch(/sk-very|line-(one|two)|as-argument/);
  });

  it.runIf(isPosix)('because it closes its stdout is ended', async () => {
    const line = newRig().open();
    line.say({ do: 'silent' });
    expect(await line.error()).toMatchObject({ code: 'upstream.exited', message: expect.stringContaining('its process closed its stdout') });
    await until(() => rigs[0]?.opener.processCount === 0);
  });
});

describe('a command', () => {
  it('that does not exist or may not be run is told with what to do', async () => {
    const script = join(folder, 'script');
    writeFileSync(script, 'no program');
    chmodSync(script, 0o644);
    const rig = newRig({ commands: ['no-such-program', script] });
    const messageOf = async (command: string): Promise<string> => {
      const error = await rig.open({ command, args: [] }).error();
      expect(error.code).toBe('upstream.not_started');
      return error.message;
    };
    expect(await messageOf('no-such-program')).toContain('its command "no-such-program" was not found. Install it');
    if (isPosix) expect(await messageOf(script)).toContain('may not be run');
    expect(rig.opener.processCount).toBe(0);
  });

  it('with arguments that no system takes is told, not thrown', async () => {
    const error = await newRig()
      .open({ args: ['a\0b'] })
      .error();
    expect(error).toMatchObject({ code: 'upstream.not_started', message: expect.stringContaining('zero byte') });
  });

  it('in a working directory that is missing says so, and not that the command is', async () => {
    const rig = newRig();
    const missing = await rig.open({ cwd: join(folder, 'nowhere') }).error();
    expect(missing).toMatchObject({ code: 'upstream.not_started', message: expect.stringContaining('working directory does not exist') });
    const there = await rig.open({ cwd: folder }).ask({ do: 'environment' });
    expect(there['cwd']).toContain(folder.split('/').at(-1));
  });

  it('that is not listed is refused at once, and the setting is named', () => {
    const rig = newRig({ commands: ['node'] });
    for (const command of ['bash', './node', '/usr/bin/node', 'node -e 1', '']) {
      expect(() => rig.open({ command })).toThrow(
        expect.objectContaining({ code: 'upstream.command_refused', message: expect.stringContaining('MCPGATEWAY_STDIO_COMMANDS: node') }),
      );
      expect(() => rig.opener.check({ command })).toThrow('may start');
    }
    expect(() => rig.opener.check({ command: 'node' })).not.toThrow();
    expect(rig.opener.processCount).toBe(0);
  });

  it('gets its arguments as they are: no shell reads them', async () => {
    const args = ['$HOME', '; touch x', '`id`', 'a b', '"', '%PATH%', ''];
    expect(
      (
        await newRig()
          .open({ args: [TALKER, ...args] })
          .ask({ do: 'environment' })
      )['args'],
    ).toEqual(args);
  });

  it('sees nothing of the gateway’s environment but what is allowed', async () => {
    const environment = { PATH: process.env['PATH'], HOME: folder, LC_ALL: 'C', JWT_SECRET_KEY: 'top-secret', PROXY: 'p', NODE_OPTIONS: '--x' };
    const rig = newRig({ environment, environmentNames: ['PROXY'] });
    const answer = await rig.open({ env: { TOKEN: 't', HOME: '/elsewhere' } }).ask({ do: 'environment' });
    expect(answer['environment']).toEqual({ PATH: process.env['PATH'], LC_ALL: 'C', HOME: '/elsewhere', PROXY: 'p', TOKEN: 't' });
  });
});

describe('the end', () => {
  it('comes by itself when stdin closes', async () => {
    const rig = newRig();
    const line = rig.open();
    await line.ask({ do: 'echo', value: 1 });
    await line.channel.close();
    expect(line.errors).toEqual([
      expect.objectContaining({ code: 'upstream.exited', message: 'Gateway "talker": its process was ended by the gateway.' }),
    ]);
    expect(rig.opener.processCount).toBe(0);
  });

  it.runIf(isPosix)('comes by force to a process that ignores SIGTERM', async () => {
    const line = newRig().open();
    const { hangs } = await line.ask({ do: 'hang' });
    await line.channel.close();
    expect(isAlive(hangs as number)).toBe(false);
    expect(line.errors).toHaveLength(1);
  });

  it.runIf(isPosix)('reaches what a process started, also when that outlives its parent and ignores SIGTERM', async () => {
    const line = newRig().open();
    const { grandchild } = await line.ask({ do: 'fork', stubborn: true });
    line.say({ do: 'exit', code: 5 });
    expect((await line.error()).message).toContain('exit code 5');
    expect(isAlive(grandchild as number)).toBe(true);
    await line.channel.close();
    await until(() => !isAlive(grandchild as number));
    expect(rigs[0]?.opener.processCount).toBe(0);
  });

  it('of a line that has only just been opened leaves nothing', async () => {
    const rig = newRig();
    const line = rig.open();
    await Promise.all([line.channel.close(), line.channel.close()]);
    expect(line.errors).toHaveLength(1);
    expect(rig.opener.processCount).toBe(0);
  });

  it.runIf(process.platform === 'linux')('thirty times over leaves no descriptor and no process', async () => {
    const rig = newRig({ commands: [process.execPath, 'no-such-program'] });
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const round = async (): Promise<void> => {
      const lines = [rig.open(), rig.open(), rig.open({ command: 'no-such-program' })];
      await Promise.all(lines.slice(0, 2).map((line) => line.ask({ do: 'echo', value: 1 })));
      await Promise.all(lines.map((line) => line.channel.close()));
    };
    await round();
    const before = descriptors();
    for (let i = 0; i < 15; i++) await round();
    await until(() => descriptors() <= before);
    expect(rig.opener.processCount).toBe(0);
    const children = readdirSync('/proc/self/task').flatMap((task) => {
      try {
        return process.getBuiltinModule('node:fs').readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(' ');
      } catch {
        return [];
      }
    });
    expect(children.filter(Boolean)).toEqual([]);
  });

  it('of the opener ends all of them, and nothing is opened any more', async () => {
    const rig = newRig();
    const lines = [rig.open(), rig.open(), rig.open()];
    await rig.closeAll();
    for (const line of lines) expect(line.errors).toHaveLength(1);
    expect(rig.opener.processCount).toBe(0);
    expect(() => rig.open()).toThrow(expect.objectContaining({ code: 'gateway.stopping' }));
  });

  it('makes room: as many processes run as may, and the next is refused until one has ended', async () => {
    const rig = newRig({ processesMax: 2 });
    const first = rig.open();
    rig.open();
    expect(() => rig.open()).toThrow(expect.objectContaining({ code: 'limit.processes' }));
    await first.channel.close();
    expect(rig.open()).toBeInstanceOf(Line);
  });
});
