// What an upstream says on its own account – questions to the client, progress, logs, news. It passes the same checks as what
// clients say: the caller must still be good for it, open questions are bounded, and all of it is recorded.
import type { Authenticator, Principal } from '#base/access';
import { AppError } from '#base/kernel';
import { scanMessage, type Envelope } from '#base/protocol';
import type { RecordDirection, RecordOutcome } from './call-record.ts';
import { targetOf } from './record-target.ts';
import type { Recorder } from './recorder.ts';
import type { Exchange } from './exchange.ts';
import type { Session } from './session.ts';
import type { ServerEntry } from './snapshot.ts';
import { checkUse } from './stages/authorize.ts';
import { serverNotFound } from './stages/resolve.ts';

const METHOD_MAX = 512;
const LISTS_CHANGED: ReadonlySet<string> = new Set([
  'notifications/tools/list_changed',
  'notifications/resources/list_changed',
  'notifications/prompts/list_changed',
]);

export interface Listener {
  readonly principal: Principal;
  readonly server: ServerEntry;
  readonly session: Session | undefined;
  readonly clientAddress: string;
}

/** The client of an exchange that has been authenticated and resolved. */
export function listenerOf(exchange: Exchange): Listener {
  const { principal, server } = exchange;
  if (principal === undefined || server === undefined) throw new AppError('internal', 'A message came for an exchange that was not resolved.');
  return exchange as Exchange & { readonly principal: Principal; readonly server: ServerEntry };
}

export class ServerMessages {
  readonly #authenticator: Authenticator;
  readonly #recorder: Recorder;

  readonly #serverNow: (id: string) => ServerEntry | undefined;
  readonly #onListChanged: (upstreamId: string) => void;

  /**
   * @param serverNow the server of this id as it is now
   * @param onListChanged hears that an upstream's lists are others now
   */
  constructor(
    authenticator: Authenticator,
    recorder: Recorder,
    serverNow: (id: string) => ServerEntry | undefined,
    onListChanged: (upstreamId: string) => void,
  ) {
    this.#onListChanged = onListChanged;
    this.#authenticator = authenticator;
    this.#recorder = recorder;
    this.#serverNow = serverNow;
  }

  isStillValid(listener: Listener): boolean {
    return this.#authenticator.isStillValid(listener.principal);
  }

  /**
   * Reads one message of the upstream and lets it pass to this listener.
   * @param call the call on whose stream it comes, if on one
   * @param isHeard false while nobody reads: whoever comes for what is kept is authenticated and authorised then
   * @returns its envelope, or undefined when it is not JSON-RPC (it then passes unread, as it would without a gateway)
   * Throws AppError `auth.invalid` when the listener's token is no longer good, `server.*` when the server is no longer theirs to use,
   * `upstream.bad_answer` on endless questions.
   */
  admit(data: string, listener: Listener, call: Exchange | undefined, isHeard = true): Envelope | undefined {
    if (isHeard && !this.isStillValid(listener)) {
      throw new AppError('auth.invalid', 'The token of this stream is no longer valid.');
    }
    const envelope = tryScan(data);
    if (envelope?.kind === 'response') return envelope;
    if (isHeard) this.#checkServer(listener);
    if (envelope === undefined) return undefined;
    if (envelope.kind === 'notification') {
      if (envelope.method === 'notifications/cancelled' && envelope.requestId !== undefined) this.#takenBack(listener, envelope.requestId);
      else if (LISTS_CHANGED.has(envelope.method)) this.#onListChanged(listener.server.upstream.id);
      this.#record(listener, call, 'tell', envelope.method, targetOf(envelope), 'ok', Date.now(), data.length, 0);
      return envelope;
    }
    listener.session?.openAsk(envelope.id as string, { method: envelope.method.slice(0, METHOD_MAX), atMs: Date.now(), bytes: data.length, call });
    return envelope;
  }

  /**
   * Records a message that does not reach the client.
   * @returns its envelope, or undefined when it is not JSON-RPC
   */
  refused(data: string, listener: Listener, { code }: AppError): Envelope | undefined {
    const envelope = tryScan(data);
    const direction = envelope?.kind === 'request' ? 'ask' : 'tell';
    const method = envelope?.method.slice(0, METHOD_MAX) ?? '';
    this.#record(
      listener,
      undefined,
      direction,
      method,
      envelope === undefined ? '' : targetOf(envelope),
      'failed',
      Date.now(),
      data.length,
      0,
      code,
    );
    return envelope;
  }

  /** The client has answered a question of the upstream. */
  answered(listener: Listener, reply: Envelope, bytes: number): void {
    const ask = reply.id === undefined ? undefined : listener.session?.takeAsk(reply.id);
    if (ask !== undefined) this.#record(listener, ask.call, 'ask', ask.method, '', reply.isError ? 'rpc_error' : 'ok', ask.atMs, ask.bytes, bytes);
  }

  /** The upstream no longer wants to know. */
  #takenBack(listener: Listener, id: string): void {
    const ask = listener.session?.takeAsk(id);
    if (ask !== undefined) this.#record(listener, ask.call, 'ask', ask.method, '', 'cancelled', ask.atMs, ask.bytes, 0);
  }

  /** Streams outlive changes: what was switched off, hidden or deleted since says nothing more (decisions.md 27). */
  #checkServer({ server, principal }: Listener): void {
    const now = this.#serverNow(server.id);
    if (now === server) return;
    if (now === undefined) throw serverNotFound();
    checkUse(principal, now);
  }

  #record(
    listener: Listener,
    call: Exchange | undefined,
    direction: RecordDirection,
    method: string,
    target: string,
    outcome: RecordOutcome,
    atMs: number,
    requestBytes: number,
    answerBytes: number,
    errorCode = '',
  ): void {
    this.#recorder.add({
      atMs,
      durationMs: Date.now() - atMs,
      direction,
      outcome,
      httpStatus: 0,
      requestBytes,
      answerBytes,
      traceparent: call?.traceparent,
      trace: this.#recorder.tracer?.within(call?.trace),
      method,
      target,
      errorCode,
      serverId: listener.server.id,
      // A combined server has one for each call.
      upstreamId: call?.call?.upstreamId ?? listener.server.upstream.id,
      userEmail: listener.principal.email,
      tokenId: listener.principal.tokenId ?? '',
      clientAddress: listener.clientAddress,
    });
  }
}

function tryScan(data: string): Envelope | undefined {
  try {
    return scanMessage(data);
  } catch {
    return undefined;
  }
}
