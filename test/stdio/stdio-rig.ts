// Opens test programs as stdio upstreams, and waits for what they do. Everything opened here is ended by `closeAll`.
import { fileURLToPath } from 'node:url';
import { noChildJournal, type ChildJournal } from '../../src/data-plane/upstream/mcp-stdio/child-journal.ts';
import { createStdioOpener, type StdioOpener } from '../../src/data-plane/upstream/mcp-stdio/stdio-opener.ts';
import type { MessageChannel } from '../../src/data-plane/upstream/channel/message-channel.ts';
import { silentLogger, type AppError, type Logger } from '../../src/base/kernel/index.ts';
import type { ProcessSpec } from '../../src/base/protocol/index.ts';

export const TALKER = fileURLToPath(new URL('../fixture/children/talker.mjs', import.meta.url));
export const OWNER = fileURLToPath(new URL('../fixture/children/owner.ts', import.meta.url));

/** Polls until the condition holds; the test's own time limit is the only one. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Does this process run? One that has ended and was not collected yet does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export class Line {
  readonly messages: string[] = [];
  readonly errors: AppError[] = [];
  channel!: MessageChannel;
  readonly listener = {
    message: (text: string): void => {
      this.messages.push(text);
    },
    closed: (error: AppError): void => {
      this.errors.push(error);
    },
  };

  say(command: Record<string, unknown>): void {
    this.channel.send(Buffer.from(JSON.stringify(command)));
  }

  /** Sends a command and waits for the next message. */
  async ask(command: Record<string, unknown>): Promise<Record<string, unknown>> {
    const next = this.messages.length;
    this.say(command);
    await until(() => this.messages.length > next || this.errors.length > 0);
    const text = this.messages[next];
    if (text === undefined) throw this.errors[0] ?? new Error('no answer');
    return JSON.parse(Buffer.from(text, 'latin1').toString('utf8')) as Record<string, unknown>;
  }

  async error(): Promise<AppError> {
    await until(() => this.errors.length > 0);
    const [first, ...more] = this.errors;
    if (first === undefined || more.length > 0) throw new Error('closed was not called once');
    return first;
  }
}

export interface RigOptions {
  readonly commands?: readonly string[];
  readonly environmentNames?: readonly string[];
  readonly environment?: Record<string, string | undefined>;
  readonly processesMax?: number;
  readonly journal?: ChildJournal;
  readonly logger?: Logger;
}

export class StdioRig {
  readonly opener: StdioOpener;
  readonly lines: Line[] = [];

  constructor(options: RigOptions = {}) {
    this.opener = createStdioOpener({
      settings: {
        commands: options.commands ?? [process.execPath, 'node', 'sh'],
        environmentNames: options.environmentNames ?? [],
        processesMax: options.processesMax ?? 100,
      },
      journal: options.journal ?? noChildJournal,
      logger: options.logger ?? silentLogger,
      ...(options.environment === undefined ? {} : { environment: options.environment }),
    });
  }

  open(spec: Partial<ProcessSpec> = {}): Line {
    const line = new Line();
    const whole = { command: process.execPath, args: [TALKER], env: {}, cwd: undefined, ...spec };
    line.channel = this.opener.open({ id: 'u1', name: 'talker', transport: 'STDIO', url: '', headers: [], process: whole }, [], line.listener);
    this.lines.push(line);
    return line;
  }

  closeAll(): Promise<void> {
    return this.opener.close();
  }
}
