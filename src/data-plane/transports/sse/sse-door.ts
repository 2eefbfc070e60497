// The HTTP+SSE door of revision 2024-11-05: a client opens a stream, is told where to post, and everything it is answered comes on
// that stream. Each stream is a line of its own with a client of its own behind it, so nothing of one can reach another.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, newSecretId, toAppError, type Logger } from '#base/kernel';
import type { ClientRequest, Gateway } from '#data-plane/gateway';
import { NO_BODY, OPEN_STREAM } from '../bodyless.ts';
import type { DoorHandler } from '../door.ts';
import { readJsonBody } from '../json-body.ts';
import type { Delivery } from '../line/line-answer.ts';
import { HttpAnswer } from '../streamable-http/http-answer.ts';
import { KeepAlive } from '../streamable-http/keep-alive.ts';
import { SseLine } from './sse-line.ts';

export interface SseDoorSettings {
  readonly maxBodyBytes: number;
  /** Path prefix that clients have to put before ours; '' for none. */
  readonly rootPath: string;
  /** Told to clients: how long to wait before they connect again. */
  readonly retryMs: number;
  /** Silence after which a comment is sent; Infinity for never. */
  readonly keepAliveMs: number;
}

export interface SseDoor {
  /** `GET /sse` and `GET /servers/{id}/sse`: opens a stream. */
  readonly stream: DoorHandler;
  /** `POST /message` and `POST /servers/{id}/message`: takes a message for a stream. */
  readonly message: DoorHandler;
  /** Ends every stream. */
  close(): void;
}

const LINES_MAX = 10_000;
const SUCCESS = Buffer.from('{"status":"success"}');

export function createSseDoor(gateway: Gateway, settings: SseDoorSettings, logger: Logger): SseDoor {
  const keepAlive = new KeepAlive(settings.keepAliveMs);
  const lines = new Map<string, SseLine>();

  function openLine(req: IncomingMessage, res: ServerResponse, serverId: string, clientAddress: string): void {
    const answer = new HttpAnswer(res, undefined, keepAlive);
    const headers = { ...req.headers };
    // A line is opened outside any session, whatever the client has kept of an earlier one.
    for (const name of ['mcp-session-id', 'last-event-id', 'mcp-protocol-version']) delete headers[name];
    const request: ClientRequest = {
      verb: 'GET',
      era: 'legacy',
      serverId,
      headers,
      clientAddress,
      envelope: OPEN_STREAM,
      body: NO_BODY,
      onlyFor: undefined,
    };
    gateway.admit(request, answer, (admission) => {
      if (lines.size >= LINES_MAX) throw new AppError('limit.sessions', `${LINES_MAX} streams are open, as many as this gateway holds.`);
      if (answer.isGone) return;
      const sessionId = newSecretId();
      const below = serverId === '' ? '' : `/servers/${admission.serverId}`;
      const line = new SseLine(gateway, { ...admission, onlyFor: admission.principalKey, headers, clientAddress }, answer, () =>
        lines.delete(sessionId),
      );
      lines.set(sessionId, line);
      line.start(`${settings.rootPath}${below}/message?session_id=${sessionId}`, settings.retryMs);
    });
  }

  function takeMessage(req: IncomingMessage, res: ServerResponse, serverId: string, clientAddress: string): void {
    const line = lineOf(req, serverId);
    readJsonBody(req, res, settings.maxBodyBytes, (fault, body) => {
      try {
        if (fault !== undefined) throw fault;
        if (line.isClosed) throw sessionNotFound();
        line.client.receive(body.toString('latin1'), { headers: req.headers, clientAddress, delivery: deliveryTo(res) });
      } catch (error) {
        refuse(res, error);
      }
    });
  }

  /** Throws AppError `request.bad_input` or `session.not_found`. */
  function lineOf(req: IncomingMessage, serverId: string): SseLine {
    const url = req.url ?? '';
    const query = new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?')) : '');
    const sessionId = query.get('session_id') ?? query.get('sessionId') ?? '';
    if (sessionId === '') throw new AppError('request.bad_input', 'The query parameter session_id is missing; the endpoint event has it.');
    const line = lines.get(sessionId);
    if (line === undefined || (serverId !== '' && serverId !== line.serverId)) throw sessionNotFound();
    return line;
  }

  function deliveryTo(res: ServerResponse): Delivery {
    const isOpen = (): boolean => !res.headersSent && !res.destroyed;
    const accepted = (): void => {
      if (isOpen()) res.writeHead(202, { 'content-type': 'application/json', 'content-length': SUCCESS.length }).end(SUCCESS);
    };
    return {
      accepted,
      refused(error) {
        if (!OF_THE_SENDER.test(error.code)) {
          accepted();
          return false;
        }
        if (isOpen()) refuse(res, error);
        // One of a batch, of which another was let in.
        return res.statusCode !== 202;
      },
    };
  }

  function refuse(res: ServerResponse, thrown: unknown): void {
    const error = toAppError(thrown);
    if (error.code === 'internal') logger.error('A message could not be read', { id: error.id, internal: error.internal });
    new HttpAnswer(res, undefined, keepAlive).fail(error);
  }

  const only =
    (verb: 'GET' | 'POST', handle: DoorHandler): DoorHandler =>
    (req, res, serverId, clientAddress) => {
      try {
        if (req.method !== verb) {
          res.setHeader('allow', verb);
          throw new AppError('request.method_not_allowed', `${req.method} has no meaning here; send ${verb}.`);
        }
        if (verb === 'GET' && !takesEvents(req.headers.accept))
          throw new AppError('request.not_acceptable', 'This endpoint answers with text/event-stream.');
        handle(req, res, serverId, clientAddress);
      } catch (error) {
        refuse(res, error);
      }
    };

  return {
    stream: only('GET', openLine),
    message: only('POST', takeMessage),
    close() {
      for (const line of lines.values()) line.close();
      keepAlive.close();
    },
  };
}

/** Not about the message but about who sends it and where: told by the status, for the stream may be somebody else's. */
const OF_THE_SENDER = /^(?:auth|access|session|server|gateway)\./;

function takesEvents(accept: string | undefined): boolean {
  return accept === undefined || accept.trim() === '' || /\*\/\*|text\/(?:event-stream|\*)/i.test(accept);
}

/** The same words for a stream that does not exist, that has ended, and that is somebody else's. */
function sessionNotFound(): AppError {
  return new AppError('session.not_found', 'There is no such session. Open a new stream.');
}
