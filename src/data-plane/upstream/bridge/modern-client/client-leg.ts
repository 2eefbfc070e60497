// A session with an upstream in which the calls of one modern client are made: opened under what that client declares, since servers of
// the older era show and do things by that (protocol.md 2.2). What the upstream asks outside any call's stream is placed here.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#base/kernel';
import { scanMessage, type Envelope } from '#base/protocol';
import type { UpstreamEntry } from '#data-plane/gateway';
import { logRank } from '../../channel/log-levels.ts';
import type { Leg, LegOwner } from '../../leg/leg.ts';
import { taskIdIn } from '../tasks/task-forms.ts';
import { answerText, isQuestion, questionOf, refusedText, type Question } from './question.ts';

/** A call in this session. */
export interface LegCall {
  /** The upstream asks, in all likelihood for this call. */
  asked(envelope: Envelope, text: string): void;
  /** A word about this call that came apart from its stream. */
  told(envelope: Envelope, text: string): void;
  /** The id the upstream knows it by. */
  readonly id: string;
  /** Of the task that it waits for, or that it is. */
  readonly taskId?: string | undefined;
  /** The session is over: nothing more will come, and nothing said would arrive. */
  lost?(): void;
}

/** Roots as the client gave them last, as the text of a result. */
export interface KnownRoots {
  get(): string | undefined;
}

export interface LegHouse {
  /** Whose it is. */
  readonly callerKey: string;
  readonly logger: Logger;
  /** How long a question after roots may wait for a call. */
  readonly holdMs: number;
  readonly declaresRoots: boolean;
  readonly heardOfLists: (method: string) => void;
}

const HELD_MAX = 16;
/** Messages to the upstream under way at once. */
const SAYING_MAX = 256;
/** A call that still runs after so long may be waiting for the roots that were asked for apart from its stream. */
const GRACE_MS = 1000;
/** To hear what was said last before a session is ended. */
const LAST_WORDS_MS = 2000;
const NOBODY = 'No request of the client is open in which it could be asked.';

export class ClientLeg implements LegOwner {
  /** Only one call at a time, so that what is asked meanwhile is asked for it. */
  readonly isExclusive: boolean;
  /** Its upstream has streams apart from those of calls. */
  readonly #isApart: boolean;
  readonly #calls = new Set<LegCall>();
  readonly #roots: KnownRoots;
  readonly #house: LegHouse;
  /** Questions after roots that wait for a call in which the client can be asked. */
  readonly #held = new Map<Question, { readonly timer: NodeJS.Timeout; readonly envelope: Envelope; readonly text: string }>();
  /** What is being said to the upstream now. */
  readonly #saying = new Set<Promise<void>>();
  #leg: Leg | undefined;
  /** The lowest level anybody has asked for; undefined when nobody has. */
  #levelRank: number | undefined;
  /** While the upstream is being told of it. */
  #levelling: Promise<void> | undefined;
  /** Its upstream may still be at work on what nobody wants any more: not for anybody else. */
  isSpoilt = false;

  constructor(isExclusive: boolean, upstream: UpstreamEntry, roots: KnownRoots, house: LegHouse) {
    this.isExclusive = isExclusive;
    this.#isApart = upstream.row.transport === 'STREAMABLEHTTP';
    this.#roots = roots;
    this.#house = house;
  }

  /** The session itself; set once, right after construction, since a session has to know who owns it. */
  set leg(leg: Leg) {
    this.#leg = leg;
  }

  get leg(): Leg {
    if (this.#leg === undefined) throw new Error('A leg that was not set');
    return this.#leg;
  }

  get callerKey(): string {
    return this.#house.callerKey;
  }

  get callCount(): number {
    return this.#calls.size;
  }

  begin(call: LegCall): void {
    this.#calls.add(call);
    this.leg.runningCalls++;
    this.leg.lastUsedAtMs = Date.now();
  }

  finish(call: LegCall): void {
    if (this.#calls.delete(call)) this.leg.runningCalls--;
  }

  /** Questions that had to wait for a call in which the client can be asked. */
  takeHeld(): Question[] {
    const held = [...this.#held.keys()];
    for (const { timer } of this.#held.values()) clearTimeout(timer);
    this.#held.clear();
    return held;
  }

  /**
   * Has the upstream send log lines down to this level, for whoever wants them; what others do not want is kept from them call by call.
   * Undefined when there is nothing to do.
   */
  wantsLevel(level: string, upstream: UpstreamEntry): Promise<void> | undefined {
    const rank = logRank(level);
    if (!Object.hasOwn(upstream.row.capabilities, 'logging')) return undefined;
    if (this.#levelRank !== undefined && rank >= this.#levelRank) return this.#levelling;
    this.#levelRank = rank;
    const text = `{"jsonrpc":"2.0","id":${this.leg.newId()},"method":"logging/setLevel","params":{"level":"${level}"}}`;
    const body = Buffer.from(text, 'latin1');
    this.leg.remember('level', body);
    const levelling = this.leg.tell(body, scanMessage(text)).finally(() => {
      if (this.#levelling === levelling) this.#levelling = undefined;
    });
    this.#levelling = levelling;
    return levelling;
  }

  heard(_leg: Leg, envelope: Envelope, text: string): void {
    const { method } = envelope;
    if (envelope.kind === 'notification') {
      this.#told(envelope, text);
      return;
    }
    const id = envelope.id ?? 'null';
    const [call] = this.#calls;
    const ofTask = this.#taskAsking(text);
    if (method === 'ping') this.answer(`{"jsonrpc":"2.0","id":${id},"result":{}}`);
    else if (ofTask !== undefined) ofTask.asked(envelope, text);
    else if (method === 'roots/list') this.#askedRoots(envelope, text);
    else if (isQuestion(method) && this.isExclusive && call !== undefined) call.asked(envelope, text);
    else this.answer(refusedText(id, -32601, NOBODY));
  }

  /** Sends a response to the upstream. */
  answer(text: string): void {
    // Whoever asks faster than it takes answers gets none.
    if (this.#saying.size >= SAYING_MAX) return;
    const said = this.leg.tell(Buffer.from(text, 'latin1'), scanMessage(text)).finally(() => this.#saying.delete(said));
    this.#saying.add(said);
  }

  /** Its upstream is no more, or is reached another way. */
  lost(): void {
    for (const call of this.#calls) call.lost?.();
  }

  async end(): Promise<void> {
    for (const question of this.takeHeld()) this.answer(refusedText(question.id, -32601, NOBODY));
    // A session that ends takes what was said with it, if that has not arrived.
    if (this.#saying.size > 0) await Promise.race([Promise.all(this.#saying), sleep(LAST_WORDS_MS, undefined, { ref: false })]);
    await this.leg.end();
  }

  /** Questions of tasks say whose they are (2025-11-25, "Tasks"). */
  #taskAsking(text: string): LegCall | undefined {
    const taskId = taskIdIn(text);
    if (taskId !== undefined) for (const call of this.#calls) if (call.taskId === taskId) return call;
    return undefined;
  }

  /**
   * Servers ask for roots soon after the handshake, in the middle of whatever runs then (measured with server-everything). On a stream of
   * its own such a question waits for the next call, unless a call that runs does not come to its end, and may be waiting for it.
   */
  #askedRoots(envelope: Envelope, text: string): void {
    const known = this.#roots.get();
    const question = questionOf(envelope, text, '');
    const [call] = this.#calls;
    if (!this.#house.declaresRoots) {
      // It is refused by the call, which may fail for it.
      if (call !== undefined) call.asked(envelope, text);
      else this.answer(refusedText(question.id, -32601, NOBODY));
    } else if (known !== undefined) this.answer(answerText(question, known));
    else if (!this.#isApart && call !== undefined) call.asked(envelope, text);
    else if (this.#held.size >= HELD_MAX) this.answer(refusedText(question.id, -32601, NOBODY));
    else this.#hold(question, envelope, text, GRACE_MS, () => this.#askAfterGrace(question));
  }

  #askAfterGrace(question: Question): void {
    const held = this.#held.get(question);
    if (held === undefined) return;
    const [call] = this.#calls;
    this.#held.delete(question);
    if (call !== undefined) call.asked(held.envelope, held.text);
    else {
      this.#hold(question, held.envelope, held.text, this.#house.holdMs, () => {
        this.#held.delete(question);
        this.answer(refusedText(question.id, -32601, NOBODY));
      });
    }
  }

  #hold(question: Question, envelope: Envelope, text: string, ms: number, then: () => void): void {
    const timer = setTimeout(then, ms);
    timer.unref();
    this.#held.set(question, { timer, envelope, text });
  }

  #told(envelope: Envelope, text: string): void {
    const { method } = envelope;
    if (method.endsWith('/list_changed')) this.#house.heardOfLists(method);
    else if (method === 'notifications/cancelled') {
      this.#takenBack(envelope.requestId);
      for (const call of this.#calls) call.told(envelope, text);
    } else if (method === 'notifications/tasks/status') {
      for (const call of this.#calls) call.told(envelope, text);
    } else if (method === 'notifications/progress') {
      for (const call of this.#calls) if (call.id === envelope.progressToken) call.told(envelope, text);
    } else {
      // Of a session with one call the log lines are that call's; all else has no place in the modern era.
      const [call] = this.#calls;
      if (method === 'notifications/message' && this.isExclusive && call !== undefined) call.told(envelope, text);
      else this.#house.logger.debug('A word outside any call has no place in the modern era', { upstream: this.leg.upstreamId, method });
    }
  }

  #takenBack(id: string | undefined): void {
    for (const [question, { timer }] of this.#held) {
      if (question.id !== id) continue;
      clearTimeout(timer);
      this.#held.delete(question);
    }
  }
}
