// The streamable HTTP door: turns HTTP requests into exchanges for the pipeline. Knows methods, headers and bodies; decides nothing
// about who may do what.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, toAppError, type Logger } from '#base/kernel';
import { batchElements, isBatch, scanMessage } from '#base/protocol';
import type { ClientRequest, Gateway } from '#data-plane/gateway';
import { END_SESSION, NO_BODY, OPEN_STREAM } from '../bodyless.ts';
import type { DoorHandler } from '../door.ts';
import { readJsonBody } from '../json-body.ts';
import { BatchAnswer } from './batch.ts';
import { checkHeaders, eraOf } from './classify.ts';
import { HttpAnswer } from './http-answer.ts';
import { KeepAlive } from './keep-alive.ts';

export interface StreamableHttpSettings {
  readonly maxBodyBytes: number;
  /** Silence on a stream after which a comment is sent; Infinity for never. */
  readonly keepAliveMs: number;
}

export interface StreamableHttp {
  /** One HTTP request to the MCP endpoint of a server. */
  readonly handle: DoorHandler;
  close(): void;
}

const BATCH_MAX = 100;

export function createStreamableHttp(gateway: Gateway, settings: StreamableHttpSettings, logger: Logger): StreamableHttp {
  const keepAlive = new KeepAlive(settings.keepAliveMs);

  function withoutBody(req: IncomingMessage, res: ServerResponse, serverId: string, clientAddress: string, verb: 'GET' | 'DELETE'): void {
    const answer = new HttpAnswer(res, undefined, keepAlive);
    // Modern traffic has neither standalone streams nor sessions to end (checklist 19).
    if (eraOf(req.headers, undefined) === 'modern') {
      answer.setHeader('allow', 'POST');
      answer.fail(new AppError('request.method_not_allowed', `${verb} has no meaning in this protocol revision; send POST.`));
      return;
    }
    const envelope = verb === 'GET' ? OPEN_STREAM : END_SESSION;
    gateway.handle({ verb, era: 'legacy', serverId, headers: req.headers, clientAddress, envelope, body: NO_BODY, onlyFor: undefined }, answer);
  }

  function message(req: IncomingMessage, res: ServerResponse, serverId: string, clientAddress: string, body: Buffer): void {
    const text = body.toString('latin1');
    if (isBatch(text)) {
      batch(req, res, serverId, clientAddress, text);
      return;
    }
    const envelope = scanMessage(text);
    const answer = new HttpAnswer(res, envelope.kind === 'request' ? envelope.id : undefined, keepAlive);
    try {
      checkHeaders(req.headers, envelope);
    } catch (error) {
      answer.fail(toAppError(error));
      return;
    }
    gateway.handle(
      { verb: 'POST', era: eraOf(req.headers, envelope), serverId, headers: req.headers, clientAddress, envelope, body, onlyFor: undefined },
      answer,
    );
  }

  function batch(req: IncomingMessage, res: ServerResponse, serverId: string, clientAddress: string, text: string): void {
    if (eraOf(req.headers, undefined) === 'modern')
      throw new AppError('request.invalid', 'This protocol revision has no batches; send one message a request.');
    const elements = batchElements(text);
    if (elements.length === 0) throw new AppError('request.invalid', 'The batch is empty.');
    if (elements.length > BATCH_MAX)
      throw new AppError('request.invalid', `A batch may have ${BATCH_MAX} elements, this one has ${elements.length}.`);
    const envelopes = elements.map((element) => scanMessage(element));
    if (envelopes.some((envelope) => envelope.protocolVersion !== undefined))
      throw new AppError('request.invalid', 'A request that describes itself must not be part of a batch; send one message a request.');
    if (envelopes.some((envelope) => envelope.method === 'initialize'))
      throw new AppError('request.invalid', 'initialize must not be part of a batch.');
    const answers = new BatchAnswer(new HttpAnswer(res, undefined, keepAlive), elements.length);
    envelopes.forEach((envelope, index) => {
      const request: ClientRequest = {
        verb: 'POST',
        era: 'legacy',
        serverId,
        headers: req.headers,
        clientAddress,
        envelope,
        body: Buffer.from(elements[index] as string, 'latin1'),
        onlyFor: undefined,
      };
      gateway.handle(request, answers.part(envelope.kind === 'request' ? envelope.id : undefined));
    });
  }

  function refuse(res: ServerResponse, thrown: unknown): void {
    const error = toAppError(thrown);
    if (error.code === 'internal') logger.error('A request could not be read', { id: error.id, internal: error.internal });
    new HttpAnswer(res, undefined, keepAlive).fail(error);
  }

  return {
    handle(req, res, serverId, clientAddress) {
      const verb = req.method;
      if (verb === 'GET' || verb === 'DELETE') {
        withoutBody(req, res, serverId, clientAddress, verb);
        return;
      }
      if (verb !== 'POST') {
        res.setHeader('allow', 'POST, GET, DELETE');
        refuse(res, new AppError('request.method_not_allowed', `${verb} is not a method of an MCP endpoint.`));
        return;
      }
      readJsonBody(req, res, settings.maxBodyBytes, (error, body) => {
        try {
          if (error !== undefined) throw error;
          message(req, res, serverId, clientAddress, body);
        } catch (thrown) {
          refuse(res, thrown);
        }
      });
    },
    close() {
      keepAlive.close();
    },
  };
}
