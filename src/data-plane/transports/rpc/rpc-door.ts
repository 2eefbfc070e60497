// The door for callers that send one JSON-RPC message, or an array of them, and want one JSON document back: scripts, health checks,
// clients of the REST contract (api.md 2.3). No session, no stream and no header of MCP is asked of them.
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { AppError, toAppError, type Logger } from '#base/kernel';
import { batchElements, isBatch, jsonText } from '#base/protocol';
import type { Gateway } from '#data-plane/gateway';
import type { DoorHandler } from '../door.ts';
import { readJsonBody } from '../json-body.ts';
import type { CollectedAnswer, Waiting } from './collected-answer.ts';
import { answerOf, batchAnswer, errorAnswer, type RpcAnswer } from './rpc-answer.ts';
import { RpcCalls, type RpcCaller } from './rpc-calls.ts';
import { idOfRefused, readRpcMessage, type RpcMessage } from './rpc-message.ts';

export interface RpcDoorSettings {
  readonly maxBodyBytes: number;
  /** Upstreams are told it as the version of their client. */
  readonly appVersion: string;
}

export interface RpcDoor {
  readonly handle: DoorHandler;
  close(): void;
}

const BATCH_MAX = 100;

export function createRpcDoor(gateway: Gateway, settings: RpcDoorSettings, logger: Logger): RpcDoor {
  const calls = new RpcCalls(gateway, jsonText({ name: 'mcpgateway', version: settings.appVersion }));

  async function answerTo(text: string, caller: RpcCaller): Promise<RpcAnswer> {
    if (!isBatch(text)) return one(text, caller, true);
    const elements = batchElements(text);
    if (elements.length === 0) throw new AppError('request.invalid', 'The batch is empty.');
    if (elements.length > BATCH_MAX)
      throw new AppError('request.invalid', `A batch may have ${BATCH_MAX} elements, this one has ${elements.length}.`);
    return batchAnswer(await Promise.all(elements.map((element) => one(element, caller, false))));
  }

  /** @param isAlone a single notification is answered with an empty result (the contract), one of a batch with nothing (JSON-RPC 2.0 §6) */
  async function one(text: string, caller: RpcCaller, isAlone: boolean): Promise<RpcAnswer> {
    let message: RpcMessage | undefined;
    try {
      message = readRpcMessage(text);
      const { kind, method } = message.envelope;
      if (!isAlone && method === 'initialize') throw new AppError('request.invalid', 'initialize must not be part of a batch.');
      const answerId = message.answerId ?? (isAlone && kind === 'notification' ? jsonText(randomUUID()) : undefined);
      const answer = answerOf(await calls.call(message, caller), answerId, kind !== 'request');
      return isAlone || answerId !== undefined ? answer : { ...answer, body: undefined };
    } catch (thrown) {
      const error = told(thrown);
      const isReadable = error.code !== 'request.malformed_json';
      return errorAnswer(error, message?.answerId ?? (isReadable ? idOfRefused(text) : undefined));
    }
  }

  async function serve(text: string, res: ServerResponse, caller: RpcCaller): Promise<void> {
    try {
      write(res, await answerTo(text, caller));
    } catch (thrown) {
      write(res, errorAnswer(told(thrown), undefined));
    }
  }

  function told(thrown: unknown): AppError {
    const error = toAppError(thrown);
    if (error.code === 'internal') logger.error('A message to /rpc could not be answered', { id: error.id, internal: error.internal });
    return error;
  }

  return {
    handle(req, res, _serverId, clientAddress) {
      if (req.method !== 'POST') {
        res.setHeader('allow', 'POST');
        write(res, errorAnswer(new AppError('request.method_not_allowed', `${req.method} is not a method of /rpc; send POST.`), undefined));
        return;
      }
      readJsonBody(req, res, settings.maxBodyBytes, (error, body) => {
        if (error !== undefined) {
          write(res, errorAnswer(error, undefined));
          return;
        }
        void serve(body.toString('latin1'), res, { headers: req.headers, clientAddress, waiting: waitingFor(res) });
      });
    },
    close() {
      calls.close();
    },
  };
}

function waitingFor(res: ServerResponse): Waiting {
  const answers = new Set<CollectedAnswer>();
  const waiting = { isGone: false, answers, heldBytes: 0 };
  res.once('close', () => {
    waiting.isGone = true;
    for (const answer of answers) answer.abandon();
  });
  return waiting;
}

function write(res: ServerResponse, { status, headers, body }: RpcAnswer): void {
  if (res.destroyed) return;
  const all = body === undefined ? [...headers] : [...headers, 'content-type', 'application/json'];
  all.push('content-length', String(body?.length ?? 0));
  res.writeHead(status, all).end(body);
}
