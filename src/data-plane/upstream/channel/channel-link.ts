// What is said over one channel: which answer belongs to which call, whose progress it is, and what the upstream says on its own
// account. A line that several clients share gets ids and progress tokens of the gateway's own, since theirs would collide; a line
// of one client carries its own, unchanged (protocol.md 2.1 rule 3).
import { AppError, type Logger } from '#base/kernel';
import { batchElements, isBatch, replaceAt, scanMessage, type Envelope, type UpstreamTarget } from '#base/protocol';
import { readLoosely } from '#data-plane/gateway';
import type { ChannelListener, ChannelOpener, MessageChannel } from './message-channel.ts';
import type { PendingCall } from './pending-call.ts';

export interface LinkOwner {
  /** The upstream asks something. */
  asked(envelope: Envelope, text: string): void;
  /** The upstream says something that belongs to no running call. */
  told(envelope: Envelope, text: string): void;
  /** The line is gone; its calls have failed already. Not called after `close`. */
  lost(error: AppError): void;
}

export interface LinkParts {
  readonly opener: ChannelOpener;
  readonly target: UpstreamTarget;
  /** Further headers for every request (HTTP+SSE), flat. */
  readonly headers: readonly string[];
  readonly logger: Logger;
  /** Do several clients share the line? */
  readonly isShared: boolean;
}

const TOKEN_PATH = ['params', '_meta', 'progressToken'];

interface Question {
  resolve(answer: { text: string; envelope: Pick<Envelope, 'isError'> }): void;
  reject(error: AppError): void;
}

export class ChannelLink implements ChannelListener {
  readonly #owner: LinkOwner;
  readonly #parts: LinkParts;
  readonly #channel: MessageChannel;
  readonly #calls = new Map<string, PendingCall>();
  readonly #callsByToken = new Map<string, PendingCall>();
  /** Requests of the gateway itself. */
  readonly #questions = new Map<string, Question>();
  readonly #paused = new Set<object>();
  /** The call whose request was the last thing sent, if it was one. */
  #lastSent: PendingCall | undefined;
  #nextId = 0;
  #endedBy: AppError | undefined;
  #closing: Promise<void> | undefined;

  /** Throws AppError `upstream.command_refused` or `limit.processes`. */
  constructor(owner: LinkOwner, parts: LinkParts) {
    this.#owner = owner;
    this.#parts = parts;
    this.#channel = parts.opener.open(parts.target, parts.headers, this);
  }

  /** Can this line wait for one slow reader? Only when nobody else uses it. */
  get canPause(): boolean {
    return !this.#parts.isShared;
  }

  get calls(): Iterable<PendingCall> {
    return this.#calls.values();
  }

  /** Why it is gone; undefined while it is not. */
  get endedBy(): AppError | undefined {
    return this.#endedBy;
  }

  get callCount(): number {
    return this.#calls.size;
  }

  /** Sends a client's request; what becomes of it is told to the call. */
  start(call: PendingCall, body: Buffer): void {
    if (call.isOver) return;
    const { id, progressToken } = call.message;
    let bytes = body;
    if (this.#parts.isShared) {
      call.upstreamId = String(++this.#nextId);
      let text = replaceAt(body.toString('latin1'), ['id'], call.upstreamId);
      if (progressToken !== undefined) {
        call.upstreamToken = call.upstreamId;
        text = replaceAt(text, TOKEN_PATH, call.upstreamId);
      }
      bytes = Buffer.from(text, 'latin1');
    } else {
      call.upstreamId = keyOf(id ?? 'null');
      call.upstreamToken = progressToken === undefined ? undefined : keyOf(progressToken);
      if (this.#calls.has(call.upstreamId)) {
        call.fail(new AppError('request.invalid', `A request with the id ${id?.slice(0, 64)} is running already on this session.`));
        return;
      }
    }
    if (this.#isClosed) {
      call.fail(new AppError('upstream.exited', `The line to gateway "${this.#parts.target.name}" has just been closed.`));
      return;
    }
    call.startedOn(this);
    this.#calls.set(call.upstreamId, call);
    if (call.upstreamToken !== undefined) this.#callsByToken.set(call.upstreamToken, call);
    this.#lastSent = call;
    this.#channel.send(bytes, (error) => call.fail(error));
  }

  /** Sends a notification or an answer. */
  tell(body: Buffer | string): void {
    if (this.#isClosed) return;
    this.#lastSent = undefined;
    this.#channel.send(typeof body === 'string' ? Buffer.from(body, 'latin1') : body, (error) => {
      this.#parts.logger.debug('An upstream refused a message', { upstream: this.#parts.target.name, internal: error.message });
    });
  }

  /**
   * Asks something of the gateway's own.
   * @param body a request; its id is replaced
   * @returns the answer, which may be an error. Throws AppError when the line breaks, `upstream.timeout` after `timeoutMs`.
   */
  ask(body: string, timeoutMs: number, signal?: AbortSignal): Promise<{ text: string; envelope: Pick<Envelope, 'isError'> }> {
    const id = this.#parts.isShared ? String(++this.#nextId) : `"mcpgateway-${++this.#nextId}"`;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', tooLate);
        this.#questions.delete(id);
      };
      const tooLate = (): void => {
        settle();
        reject(new AppError('upstream.timeout', `Gateway "${this.#parts.target.name}" did not answer in time.`));
      };
      const timer = setTimeout(tooLate, timeoutMs);
      signal?.addEventListener('abort', tooLate);
      const question: Question = {
        resolve: (answer) => {
          settle();
          resolve(answer);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      this.#questions.set(id, question);
      this.#lastSent = undefined;
      if (signal?.aborted === true) tooLate();
      else if (this.#isClosed) question.reject(new AppError('upstream.exited', `The line to gateway "${this.#parts.target.name}" is closed.`));
      else this.#channel.send(Buffer.from(replaceAt(body, ['id'], id), 'latin1'), (error) => question.reject(error));
    });
  }

  /** The call an upstream's id means, e.g. the listen request a notification belongs to. */
  callOf(upstreamId: string): PendingCall | undefined {
    return this.#calls.get(keyOf(upstreamId));
  }

  /** Nobody waits for this call any more. */
  abandon(call: PendingCall): void {
    if (call.isTakenBack || !call.manners.tellsCancel || this.#isClosed) return;
    const id = this.#parts.isShared ? call.upstreamId : (call.message.id ?? 'null');
    this.tell(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":"The client has gone away"}}`);
  }

  forget(call: PendingCall): void {
    if (this.#calls.get(call.upstreamId) === call) this.#calls.delete(call.upstreamId);
    if (call.upstreamToken !== undefined && this.#callsByToken.get(call.upstreamToken) === call) this.#callsByToken.delete(call.upstreamToken);
  }

  /** What this line was opened for is over. */
  get #isClosed(): boolean {
    return this.#endedBy !== undefined;
  }

  pauseFor(reader: object): void {
    if (!this.canPause) return;
    if (this.#paused.size === 0) this.#channel.pause();
    this.#paused.add(reader);
  }

  resumeFor(reader: object): void {
    if (this.#paused.delete(reader) && this.#paused.size === 0) this.#channel.resume();
  }

  /** Resolves when nothing of it is left. Running calls fail. */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#end(new AppError('upstream.exited', `The line to gateway "${this.#parts.target.name}" was closed by the gateway.`));
      this.#closing = this.#channel.close();
    }
    return this.#closing;
  }

  message(text: string): void {
    for (const element of elementsOf(text)) {
      try {
        this.#take(element);
      } catch (error) {
        this.#ignored(error instanceof Error ? error.message : 'it cannot be read');
      }
    }
  }

  closed(reason: AppError): void {
    if (this.#isClosed) return;
    // With a line all it said is gone: there is nothing to take up again, as there is after a lost HTTP connection.
    const error = reason.code === 'upstream.connection_lost' ? new AppError('upstream.exited', reason.message, { cause: reason }) : reason;
    this.#end(error);
    this.#owner.lost(error);
  }

  #end(error: AppError): void {
    this.#endedBy ??= error;
    for (const call of this.#calls.values()) call.fail(error);
    for (const question of this.#questions.values()) question.reject(error);
    this.#paused.clear();
  }

  #take(text: string): void {
    if (this.#isClosed) return;
    const envelope = tryScan(text);
    if (envelope === undefined || envelope.kind === 'response') {
      // An answer that the strict reading refuses is an answer all the same; nothing is decided by it.
      const answer = envelope ?? readLoosely(text);
      if (answer === undefined) this.#ignored('it is no JSON-RPC message');
      else this.#answered(answer as Envelope, text);
      return;
    }
    if (envelope.kind === 'request') {
      this.#owner.asked(envelope, text);
      return;
    }
    const call = envelope.method === 'notifications/progress' ? this.#callOfProgress(envelope) : undefined;
    if (call === undefined) this.#owner.told(envelope, text);
    else call.event(this.#parts.isShared ? replaceAt(text, ['params', 'progressToken'], call.message.progressToken ?? 'null') : text);
  }

  #callOfProgress({ progressToken }: Envelope): PendingCall | undefined {
    return progressToken === undefined ? undefined : this.#callsByToken.get(keyOf(progressToken));
  }

  #answered(answer: Envelope, text: string): void {
    const id = answer.id ?? 'null';
    const key = keyOf(id);
    const question = this.#questions.get(key);
    if (question !== undefined) {
      question.resolve({ text, envelope: answer });
      return;
    }
    const call = this.#calls.get(key) ?? (id === 'null' && answer.isError ? this.#onlyCall() : undefined);
    if (call === undefined) {
      // Too late, or nobody's.
      this.#ignored(`nobody waits for an answer to ${id.slice(0, 64)}`);
      return;
    }
    try {
      call.answer(this.#parts.isShared && id !== 'null' ? replaceAt(text, ['id'], call.message.id ?? 'null') : text, answer);
    } catch (cause) {
      // It was the answer all the same: nothing else will come.
      call.fail(new AppError('upstream.bad_answer', `Gateway "${this.#parts.target.name}" gave an answer that cannot be read.`, { cause }));
    }
  }

  /**
   * A server that could not read a request answers without its id; with one request running it is clear which, unless what could
   * not be read may have been a message of somebody else.
   */
  #onlyCall(): PendingCall | undefined {
    if (this.#calls.size !== 1) return undefined;
    const [call] = this.#calls.values();
    return this.#parts.isShared && call !== this.#lastSent ? undefined : call;
  }

  #ignored(why: string): void {
    this.#parts.logger.debug('A message of an upstream was ignored', { upstream: this.#parts.target.name, internal: why });
  }
}

/** One text for all spellings of an id: `"a"` for `"\u0061"`, `1` for `1.0`. */
export function keyOf(idText: string): string {
  const isPlain = idText.startsWith('"') ? !idText.includes('\\') : /^-?\d{1,15}$/.test(idText);
  return isPlain ? idText : JSON.stringify(JSON.parse(idText));
}

function elementsOf(text: string): string[] {
  try {
    return isBatch(text) ? batchElements(text) : [text];
  } catch {
    return [text];
  }
}

function tryScan(text: string): Envelope | undefined {
  try {
    return scanMessage(text);
  } catch {
    return undefined;
  }
}
