// One process as a line of messages: what it writes to stdout comes in, what is sent goes to its stdin, and its stderr is kept for
// the day it fails. However it ends – by itself, killed, or by the gateway – the listener hears of it once, and nothing of its
// process group stays behind.
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { AppError, type Logger } from '#base/kernel';
import type { ProcessSpec } from '#base/protocol';
import type { ChannelListener, MessageChannel } from '../channel/message-channel.ts';
import type { ChildJournal } from './child-journal.ts';
import { LastWords, printable } from './last-words.ts';
import { LineReader } from './line-reader.ts';
import { LineWriter } from './line-writer.ts';
import { endGroup, killGroupNow } from './process-group.ts';
import { secretsInArguments } from './secret-arguments.ts';
import { SecretMask } from './secret-mask.ts';
import { startChild, startError } from './start-child.ts';

export interface StdioChannelParts {
  readonly name: string;
  readonly spec: ProcessSpec;
  /** The whole environment of the child. */
  readonly environment: Record<string, string>;
  readonly listener: ChannelListener;
  readonly journal: ChildJournal;
  readonly logger: Logger;
  /** Nothing of the process is left. */
  readonly onGone: () => void;
}

/** How long what a process wrote before it ended may take to arrive while something else holds its pipes open. */
const LAST_OUTPUT_MS = 250;
const WORDS_IN_MESSAGE_MAX = 1000;
const NOISE_SHOWN_MAX = 200;
const LOGGED_LINES_MAX = 1000;

export class StdioChannel implements MessageChannel {
  readonly #parts: StdioChannelParts;
  readonly #mask: SecretMask;
  readonly #words: LastWords;
  readonly #child: ChildProcessWithoutNullStreams | undefined;
  readonly #writer: LineWriter | undefined;
  readonly #told = Promise.withResolvers<void>();
  #forget: () => void = () => {};
  /** Why the line ended, where that is not simply how the process ended. */
  #reason: AppError | undefined;
  #exit: string | undefined;
  #wasEndedByUs = false;
  #isTold = false;
  #timer: NodeJS.Timeout | undefined;
  #end: Promise<void> | undefined;
  #hasSpoken = false;
  #noiseCount = 0;
  #firstNoise = '';
  #loggedLines = 0;

  constructor(parts: StdioChannelParts) {
    this.#parts = parts;
    this.#mask = new SecretMask([...Object.values(parts.spec.env), ...secretsInArguments(parts.spec.args)]);
    this.#words = new LastWords(this.#mask, (line) => this.#logLine(line));
    try {
      this.#child = startChild(parts.name, parts.spec, parts.environment);
    } catch (error) {
      this.#reason = startError(parts.name, parts.spec.command, error);
      setImmediate(() => void this.close());
      return;
    }
    this.#writer = new LineWriter(this.#child.stdin);
    this.#note(this.#child);
    this.#listen(this.#child);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  send(message: Buffer): void {
    if (this.#isTold || this.#wasEndedByUs) return;
    try {
      this.#writer?.write(message);
    } catch (error) {
      // Whoever sends does not expect to be told of the end in the middle of it.
      setImmediate(() => this.#fail(error));
    }
  }

  pause(): void {
    if (this.#exit === undefined) this.#child?.stdout.pause();
  }

  resume(): void {
    this.#child?.stdout.resume();
  }

  close(): Promise<void> {
    if (this.#exit === undefined) this.#wasEndedByUs = true;
    this.#end ??= this.#endAll();
    return this.#end;
  }

  /** Without waiting for anything. */
  killNow(): void {
    if (this.pid !== undefined) killGroupNow(this.pid);
  }

  #note(child: ChildProcessWithoutNullStreams): void {
    if (child.pid === undefined) return;
    try {
      this.#forget = this.#parts.journal.note(child.pid, this.#parts.spec.command);
    } catch (error) {
      this.#parts.logger.warn('A stdio process could not be noted; it would survive a sudden death of the gateway.', {
        gateway: this.#parts.name,
        pid: child.pid,
        error: String(error),
      });
    }
  }

  #listen(child: ChildProcessWithoutNullStreams): void {
    const reader = new LineReader(
      (text) => {
        this.#hasSpoken = true;
        if (!this.#isTold) this.#parts.listener.message(text);
      },
      (line) => this.#noise(line),
    );
    child.stdout.on('data', (chunk: Buffer) => {
      if (this.#isTold) return;
      try {
        reader.push(chunk);
      } catch (error) {
        this.#fail(error);
      }
    });
    child.stderr.on('data', (chunk: Buffer) => this.#words.push(chunk));
    // A process that hears or says no more is of no use, even if it lives; but mostly this is the first sign of its end.
    child.stdout.on('end', () => this.#lose('closed its stdout'));
    child.stdout.on('error', () => this.#lose('closed its stdout'));
    child.stdin.on('error', () => this.#lose('closed its stdin'));
    child.stderr.on('error', () => {});
    child.on('error', (error) => {
      // A failed signal is told here too.
      if (child.pid !== undefined && (error as NodeJS.ErrnoException).syscall === 'kill') return;
      this.#reason ??= startError(this.#parts.name, this.#parts.spec.command, error);
      this.#exit ??= 'not started';
      void this.close();
    });
    child.on('exit', (code, signal) => {
      this.#exit ??= signal === null ? `exit code ${code}` : `signal ${signal}`;
      child.stdin.destroy();
      // Full or not, the receiver takes what is still in the pipe: little, and nothing will follow.
      child.stdout.resume();
      this.#startTimer();
      void this.close();
    });
    child.on('close', () => this.#tell());
  }

  #fail(error: unknown): void {
    const { name } = this.#parts;
    const found = error instanceof AppError ? new AppError(error.code, `Gateway "${name}": ${error.message}`) : undefined;
    this.#reason ??= found ?? new AppError('internal', `Gateway "${name}": its output could not be read.`, { cause: error });
    this.#tell();
    void this.close();
  }

  #lose(how: string): void {
    if (this.#exit !== undefined || this.#wasEndedByUs || this.#timer !== undefined) return;
    this.#startTimer(() => {
      if (this.#exit === undefined) {
        this.#reason ??= new AppError('upstream.exited', `Gateway "${this.#parts.name}": its process ${how}.${this.#evidence(WORDS_IN_MESSAGE_MAX)}`);
      }
    });
  }

  #startTimer(before: () => void = () => {}): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // After a stall timers come before what waits in the pipes; the order is turned round here.
      setImmediate(() => {
        before();
        this.#tell();
      });
    }, LAST_OUTPUT_MS);
  }

  #tell(): void {
    clearTimeout(this.#timer);
    if (this.#isTold) return;
    this.#isTold = true;
    this.#parts.listener.closed(this.#reason ?? this.#exitError());
    this.#told.resolve();
    void this.close();
  }

  #exitError(): AppError {
    const { name } = this.#parts;
    if (this.#wasEndedByUs) return new AppError('upstream.exited', `Gateway "${name}": its process was ended by the gateway.`);
    const when = this.#hasSpoken ? '' : ' before it said anything';
    const start = `Gateway "${name}": its process ended${when} (${this.#exit ?? 'it is not known how'}).`;
    return new AppError('upstream.exited', start + this.#evidence(WORDS_IN_MESSAGE_MAX), { internal: start + this.#evidence(Infinity) });
  }

  /** What the process left that may say why. */
  #evidence(lengthMax: number): string {
    const words = this.#words.text;
    const last = words === '' ? '' : ` Last words: ${words.length > lengthMax ? `…${words.slice(-lengthMax)}` : words}`;
    const lines = this.#noiseCount === 1 ? 'a line' : `${this.#noiseCount} lines`;
    const noise =
      this.#noiseCount === 0 ? '' : ` It also wrote ${lines} to stdout that are no messages, the first: ${JSON.stringify(this.#firstNoise)}.`;
    return noise + last;
  }

  #noise(line: Buffer): void {
    const text = (): string => printable(this.#mask.hide(line.toString('utf8', 0, 4096))).slice(0, NOISE_SHOWN_MAX);
    if (this.#noiseCount === 0) this.#firstNoise = text();
    this.#noiseCount++;
    if (this.#mayLog()) this.#parts.logger.debug('A line on stdout that is no message', { gateway: this.#parts.name, line: text() });
  }

  #logLine(line: string): void {
    if (this.#mayLog()) this.#parts.logger.debug('stderr', { gateway: this.#parts.name, line: this.#words.shown(line) });
  }

  /** A process must not fill the log, nor the gateway's time. */
  #mayLog(): boolean {
    return this.#loggedLines++ < LOGGED_LINES_MAX;
  }

  async #endAll(): Promise<void> {
    const child = this.#child;
    if (child?.pid !== undefined) {
      child.stdin.end();
      const isEnded = await endGroup(child.pid, () => this.#exit !== undefined);
      if (isEnded) await this.#told.promise;
      else this.#parts.logger.warn('A stdio process could not be ended.', { gateway: this.#parts.name, pid: child.pid });
      child.stdout.destroy();
      child.stderr.destroy();
      child.stdin.destroy();
      if (isEnded) this.#forget();
    }
    this.#tell();
    this.#parts.onGone();
  }
}
