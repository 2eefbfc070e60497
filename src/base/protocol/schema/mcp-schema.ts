// Does a message fit the schema of its revision? For those who debug a client or a server; calls are otherwise passed as they are.
// Built when it is first asked for, one for each revision.
import { z } from 'zod';
import { LEGACY_VERSIONS } from '../versions.ts';
import { callsOf } from './calls.ts';
import { notificationsOf } from './notifications.ts';
import { anyObject, label, MODERN_SINCE, open, partsOf, text } from './parts.ts';
import { questionsOf } from './questions.ts';

export interface SchemaFault {
  /** From the top of the message, e.g. `result.tools.0.name`; '' for the message itself. */
  readonly path: string;
  /** Never a value of the message. */
  readonly problem: string;
}

/** Both take one parsed message; no faults mean that it fits. */
export interface McpSchema {
  readonly version: string;
  /** @param answered the method of the server's request it answers, where that is known */
  readonly faultsOfClient: (message: unknown, answered?: string) => readonly SchemaFault[];
  /** @param answered the method of the client's request it answers, where that is known */
  readonly faultsOfServer: (message: unknown, answered?: string) => readonly SchemaFault[];
}

const FAULTS_MAX = 10;
const PATH_MAX = 200;
const schemas = new Map<string, McpSchema>();

/** @returns undefined for a revision whose schema is not known here */
export function mcpSchema(version: string): McpSchema | undefined {
  if (version !== MODERN_SINCE && !LEGACY_VERSIONS.includes(version)) return undefined;
  const known = schemas.get(version) ?? build(version);
  schemas.set(version, known);
  return known;
}

type ByMethod = ReadonlyMap<string, z.ZodType>;

interface Side {
  readonly requests: ByMethod;
  readonly notifications: ByMethod;
  /** By the method that is answered. */
  readonly results: ByMethod;
  /** A result of any other method. */
  readonly anyResult: z.ZodType;
  /** A task instead of a result (2025-11-25). */
  readonly task: z.ZodType | undefined;
  /** May this side ask at all? */
  readonly asks: boolean;
  /** May it answer with messages of its own? */
  readonly answers: boolean;
}

function build(version: string): McpSchema {
  const parts = partsOf(version);
  const questions = questionsOf(parts);
  const calls = callsOf(parts, questions);
  const notifications = notificationsOf(parts);
  const task = parts.hasTasks ? open({ task: parts.task }) : undefined;
  const none = new Map<string, z.ZodType>();
  const client: Side = {
    requests: calls.params,
    notifications: notifications.ofClients,
    results: parts.isModern ? none : questions.answered,
    anyResult: anyObject,
    task,
    asks: true,
    answers: !parts.isModern,
  };
  const server: Side = {
    requests: parts.isModern ? none : questions.asked,
    notifications: notifications.ofServers,
    results: calls.results,
    anyResult: parts.isModern ? open({ resultType: text }) : anyObject,
    task,
    asks: !parts.isModern,
    answers: true,
  };
  return {
    version,
    faultsOfClient: (message, answered) => faultsOf(message, client, answered),
    faultsOfServer: (message, answered) => faultsOf(message, server, answered),
  };
}

const frame = open({ jsonrpc: z.literal('2.0') });
const request = open({ id: label, method: text });
const notification = open({ method: text });
const success = open({ id: label });
/** The id of a request that could not be read is null, or missing. */
const failure = open({ id: label.nullable().optional(), error: open({ code: z.int(), message: text }) });

function faultsOf(message: unknown, side: Side, answered: string | undefined): readonly SchemaFault[] {
  const framed = frame.safeParse(message);
  if (!framed.success) return shown(framed.error.issues, []);
  const { method, id, params, result, error } = framed.data;
  if (method !== undefined) {
    const isRequest = id !== undefined;
    const faults = shown((isRequest ? request : notification).safeParse(framed.data).error?.issues, []);
    if (isRequest && !side.asks) return [...faults, { path: 'method', problem: 'servers send no requests in this revision' }];
    if (faults.length > 0 || typeof method !== 'string') return faults;
    return shown((isRequest ? side.requests : side.notifications).get(method)?.safeParse(params).error?.issues, ['params']);
  }
  if (!side.answers) return [{ path: '', problem: 'clients send no responses in this revision' }];
  if (error !== undefined) return shown(failure.safeParse(framed.data).error?.issues, []);
  const faults = shown(success.safeParse(framed.data).error?.issues, []);
  const schema = side.task !== undefined && isTask(result) ? side.task : (side.results.get(answered ?? '') ?? side.anyResult);
  return [...faults, ...shown(schema.safeParse(result).error?.issues, ['result'])];
}

function isTask(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'task' in result;
}

function shown(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] | undefined, before: string[]): SchemaFault[] {
  return (issues ?? []).slice(0, FAULTS_MAX).map(({ path, message }) => ({
    path: [...before, ...path.map(String)].join('.').slice(0, PATH_MAX),
    problem: message.replace(/^Invalid (input|option): /, ''),
  }));
}
