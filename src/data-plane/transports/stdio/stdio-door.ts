// The gateway as a stdio server: this process's own stdin and stdout are the line of one client to one server. Nothing but messages
// is ever written to stdout.
import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import { AppError, toAppError } from '#base/kernel';
import { rpcErrorText } from '#base/protocol';
import type { Admission, AnswerListener, ClientAnswer, Gateway } from '#data-plane/gateway';
import { NO_BODY, OPEN_STREAM } from '../bodyless.ts';
import { LineClient } from '../line/line-client.ts';
import { idOf } from '../line/line-message.ts';
import { LineSplitter } from './line-splitter.ts';

export interface StdioDoorSettings {
  /** '' for all that the caller may see. */
  readonly serverId: string;
  /** The Authorization header that the client would send; undefined for none. */
  readonly authorization: string | undefined;
  readonly maxLineBytes: number;
}

export interface StdioDoor {
  /** Resolves when the client has closed its end and has got what it is owed, or when it reads no longer. */
  readonly ended: Promise<void>;
  /** Takes no more messages, gives what is running a moment to be answered, and ends the session. */
  stop(): Promise<void>;
}

/** Who closes stdin waits for what is running, not for what may never end. */
const LAST_ANSWERS_MS = 5_000;
/** Who sends a signal kills soon after: SDK clients give a server two seconds. */
const LAST_MOMENT_MS = 1_000;

/** Of a client that goes on asking and does not read its answers nothing more is read: they are not held without end. */
const UNREAD_BYTES_MAX = 64 * 1024 * 1024;

/** Rejects with AppError `auth.*`, `server.*` or `access.denied` when the caller may not use the server. */
export async function openStdioDoor(
  gateway: Gateway,
  { serverId, authorization, maxLineBytes }: StdioDoorSettings,
  input: Readable,
  output: Writable,
): Promise<StdioDoor> {
  const headers: IncomingHttpHeaders = authorization === undefined ? {} : { authorization };
  const admission = await admitted(gateway, serverId, headers);
  let isClosed = false;
  let finish: () => void = () => {};
  const ended = new Promise<void>((resolve) => (finish = resolve));

  const write = (message: string): boolean => {
    if (isClosed || output.write(`${message}\n`, 'latin1')) return true;
    if (output.writableLength > UNREAD_BYTES_MAX) input.pause();
    return false;
  };
  const client = new LineClient(
    gateway,
    { serverId: admission.serverId, onlyFor: admission.principalKey, headers, clientAddress: 'stdio' },
    { send: write, lost: () => finish() },
  );
  const refuse = (error: AppError, id: string | undefined): void => void write(rpcErrorText(error, id));
  const lines = new LineSplitter(maxLineBytes, {
    line(bytes) {
      const text = bytes.toString('latin1');
      try {
        if (!isUtf8(bytes)) throw new AppError('request.malformed_json', 'The line is not valid UTF-8.');
        client.receive(text);
      } catch (error) {
        refuse(toAppError(error), idOf(text));
      }
    },
    tooLong: () =>
      refuse(
        new AppError('request.too_large', `The line has more than the ${maxLineBytes} bytes that are accepted (MCPGATEWAY_MAX_BODY_BYTES).`),
        undefined,
      ),
  });

  const close = (): void => {
    client.close();
    isClosed = true;
    finish();
  };
  const onData = (chunk: Buffer): void => lines.push(chunk);
  let hasEnded = false;
  let isStopped = false;
  input.on('data', onData);
  input.once('end', () => {
    hasEnded = true;
    lines.end();
    void client.idle(LAST_ANSWERS_MS).then(finish);
  });
  // Nobody sends any more, or nobody reads.
  input.on('error', close);
  output.on('error', close);
  output.on('drain', () => {
    if (!isStopped) input.resume();
    client.hasRoom();
  });

  return {
    ended,
    async stop() {
      isStopped = true;
      input.off('data', onData);
      input.pause();
      if (!hasEnded) await client.idle(LAST_MOMENT_MS);
      close();
    },
  };
}

/** Rejects with AppError. */
function admitted(gateway: Gateway, serverId: string, headers: IncomingHttpHeaders): Promise<Admission> {
  return new Promise((resolve, reject) => {
    const request = {
      verb: 'GET',
      era: 'legacy',
      serverId,
      headers,
      clientAddress: 'stdio',
      envelope: OPEN_STREAM,
      body: NO_BODY,
      onlyFor: undefined,
    } as const;
    gateway.admit(request, new Refusal(reject), resolve);
  });
}

/** Takes nothing but what stands against a caller. */
class Refusal implements ClientAnswer {
  listener: AnswerListener | undefined;
  status = 0;
  readonly sentBytes = 0;
  readonly isGone = false;
  readonly #refused: (error: AppError) => void;

  constructor(refused: (error: AppError) => void) {
    this.#refused = refused;
  }

  setHeader(): void {}
  head(): void {}
  reply(): void {}
  chunk(): boolean {
    return true;
  }
  event(): boolean {
    return true;
  }
  end(): void {}
  fail(error: AppError): void {
    this.status = error.status;
    this.#refused(error);
  }
}
