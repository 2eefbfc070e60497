// A client's place on a shared line: what it subscribed to, the level it wants logs at, and its own calls among everybody's.
import { AppError } from '#base/kernel';
import { jsonText, listItems, replaceAt, type Envelope } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamRequest } from '#data-plane/gateway';
import { accepted, refusedByHeaders } from './http-manners.ts';
import { keyOf } from './channel-link.ts';
import { LineSession, sessionNotFound } from './line-session.ts';
import { PendingCall } from './pending-call.ts';
import { isPartOf } from './resource-part.ts';
import type { SharedLine } from './shared-line.ts';
import { stringAt } from './string-at.ts';

const SUBSCRIPTIONS_MAX = 1000;
const TASKS_MAX = 1000;
/** Of a call that becomes a task; looking for it in every answer would cost more than the rest of the way. */
const TASK_KEY = '"task"';

export class SharedSession extends LineSession {
  level: string | undefined;
  readonly subscriptions = new Set<string>();
  /** Those this client started: the upstream takes all clients of the line for one, and would show each everybody's. */
  readonly tasks = new Set<string>();
  #line: SharedLine;
  /** By the client's own ids, for its cancellations. */
  readonly #calls = new Map<string, PendingCall>();

  constructor(line: SharedLine) {
    super();
    this.#line = line;
  }

  post(request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    const { message, body } = request;
    const refusal = refusedByHeaders(request, sink);
    if (refusal !== undefined || message === undefined || body === undefined) return refusal ?? accepted(sink);
    if (this.isEnded) return sessionNotFound(sink);
    this.lastUsedAtMs = Date.now();
    this.moveTo(this.#line.follow(request.upstream));
    if (message.kind === 'request') return this.#request(message, body, sink);
    if (message.kind === 'notification') this.#notification(message, body);
    return accepted(sink);
  }

  /** Everything worth remembering is kept by this session and its line. */
  remember(): void {}
  forget(): void {}

  /** Changes nothing when it is there already. */
  moveTo(line: SharedLine): void {
    if (line.members.has(this)) return;
    this.#line.members.delete(this);
    this.#line = line;
    line.adopt(this);
  }

  isInterestedIn(uri: string): boolean {
    if (this.subscriptions.has(uri)) return true;
    for (const whole of this.subscriptions) if (isPartOf(uri, whole)) return true;
    return false;
  }

  async end(): Promise<void> {
    this.isEnded = true;
    for (const call of this.#calls.values()) {
      this.#tellCancelled(call, '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":0}}');
      call.fail(new AppError('session.not_found', 'The session was ended in the middle of this call.'));
    }
    this.endListener();
    this.#line.leave(this);
  }

  // Others read from the same line: it waits for nobody.
  protected pauseFor(): boolean {
    return false;
  }
  protected resumeFor(): void {}
  protected override listened(): void {
    this.#line.wake();
  }

  #request(message: Envelope, body: Buffer, sink: AnswerSink): UpstreamCall {
    const call = new PendingCall(message, sink, this.manners);
    const id = keyOf(message.id ?? 'null');
    this.#calls.set(id, call);
    call.onOver = () => {
      if (this.#calls.get(id) === call) this.#calls.delete(id);
    };
    switch (message.method) {
      case 'logging/setLevel':
        this.#setLevel(call, body);
        break;
      case 'resources/subscribe':
        this.#subscribe(call, body, message.uri);
        break;
      case 'resources/unsubscribe':
        this.#unsubscribe(call, body, message.uri);
        break;
      case 'tasks/get':
      case 'tasks/result':
      case 'tasks/cancel':
        this.#aboutTask(call, body);
        break;
      case 'tasks/list':
        call.onAnswer = (answer, { isError }) => (isError ? answer : this.#ownTasks(answer));
        this.#line.start(call, body);
        break;
      default:
        if (body.includes(TASK_KEY))
          call.onAnswer = (answer) => {
            const taskId = stringAt(answer, ['result', 'task', 'taskId']);
            if (taskId !== undefined && this.tasks.size < TASKS_MAX) this.tasks.add(taskId);
            return answer;
          };
        this.#line.start(call, body);
    }
    return call;
  }

  #setLevel(call: PendingCall, body: Buffer): void {
    const text = body.toString('latin1');
    const wanted = stringAt(text, ['params', 'level']);
    const before = this.level;
    if (wanted === undefined) {
      this.#line.start(call, body);
      return;
    }
    this.level = wanted;
    call.onAnswer = (answer, { isError }) => {
      if (isError) this.level = before;
      return answer;
    };
    const lowest = this.#line.lowestLevel() ?? wanted;
    this.#line.start(call, Buffer.from(replaceAt(text, ['params', 'level'], jsonText(lowest)), 'latin1'));
  }

  #subscribe(call: PendingCall, body: Buffer, uri: string | undefined): void {
    if (uri !== undefined && !this.subscriptions.has(uri)) {
      if (this.subscriptions.size >= SUBSCRIPTIONS_MAX) {
        call.fail(new AppError('request.invalid', `This session has ${SUBSCRIPTIONS_MAX} subscriptions, as many as it may have.`));
        return;
      }
      // At once, not with the answer: another client may drop its own meanwhile.
      this.subscriptions.add(uri);
      call.onAnswer = (answer, { isError }) => {
        if (isError) this.subscriptions.delete(uri);
        return answer;
      };
    }
    this.#line.start(call, body);
  }

  /** The upstream is told only when nobody else wants to know any more. */
  #unsubscribe(call: PendingCall, body: Buffer, uri: string | undefined): void {
    if (uri !== undefined && this.subscriptions.delete(uri) && this.#line.isSubscribed(uri)) {
      call.answer(`{"jsonrpc":"2.0","id":${call.message.id},"result":{}}`, call.message);
      return;
    }
    this.#line.start(call, body);
  }

  #notification(message: Envelope, body: Buffer): void {
    switch (message.method) {
      // Said for this client alone; the line has shaken hands already.
      case 'notifications/initialized':
      case 'notifications/roots/list_changed':
        break;
      case 'notifications/cancelled': {
        const call = message.requestId === undefined ? undefined : this.#calls.get(keyOf(message.requestId));
        if (call === undefined) break;
        // One that was not sent yet never is.
        if (call.upstreamId === '') call.cancel();
        else {
          this.#tellCancelled(call, body.toString('latin1'));
          call.takenBack();
        }
        break;
      }
      default:
        this.#line.tell(body);
    }
  }

  #tellCancelled(call: PendingCall, text: string): void {
    if (call.upstreamId !== '') this.#line.tell(replaceAt(text, ['params', 'requestId'], call.upstreamId));
  }

  #aboutTask(call: PendingCall, body: Buffer): void {
    const taskId = stringAt(body.toString('latin1'), ['params', 'taskId']);
    if (taskId !== undefined && this.tasks.has(taskId)) {
      this.#line.start(call, body);
      return;
    }
    const error = '{"code":-32602,"message":"This session has no such task"}';
    call.answer(`{"jsonrpc":"2.0","id":${call.message.id},"error":${error}}`, { isError: true });
  }

  #ownTasks(answer: string): string {
    const own = listItems(answer, 'tasks').items.filter((item) => this.tasks.has(stringAt(item, ['taskId']) ?? ''));
    return replaceAt(answer, ['result', 'tasks'], `[${own.join(',')}]`);
  }
}
