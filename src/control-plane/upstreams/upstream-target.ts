// Where an upstream is and how it is opened: what a body says of it, together with what was there before. A transport and its
// fields belong together, so that nobody believes to have configured something that is not used.
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '#base/kernel';
import type { ProcessSpec, UpstreamTransport } from '#base/protocol';
import { toJsonColumn, type GatewaysTable } from '#control-plane/db';
import { mentionsCredentials, type AuthInput } from './upstream-auth.ts';
import { readEnvironment, type Environment } from './upstream-process.ts';

export interface Target {
  /** Undefined: the reader finds out. */
  readonly transport: UpstreamTransport | undefined;
  /** '' for STDIO. */
  readonly url: string;
  readonly process: ProcessSpec | undefined;
  readonly isolation: GatewaysTable['stdio_isolation'];
}

export interface TargetInput extends AuthInput {
  readonly transport?: UpstreamTransport | null | undefined;
  readonly url?: string | null | undefined;
  readonly command?: string | null | undefined;
  readonly args?: readonly string[] | null | undefined;
  readonly env?: Environment | null | undefined;
  readonly cwd?: string | null | undefined;
  readonly stdioIsolation?: GatewaysTable['stdio_isolation'] | null | undefined;
}

const PROCESS_FIELDS = ['command', 'args', 'env', 'cwd', 'stdioIsolation'] as const;

/**
 * What is not mentioned stays as it was `before`; only a working directory goes with null. Throws AppError `request.validation`
 * for a field that is missing or belongs to another transport, `request.bad_input` for a mask with nothing behind it.
 */
export function readTarget(input: TargetInput, before: Target | undefined, isMask: (value: string) => boolean): Target {
  const transport = input.transport ?? before?.transport ?? (isGiven(input.command) ? 'STDIO' : undefined);
  const isNamed = isGiven(input.transport) || before === undefined;
  if (transport === 'STDIO') return readProcess(input, before, isNamed, isMask);
  for (const field of PROCESS_FIELDS)
    if (isGiven(input[field])) throw fault(field, `Only a gateway with transport STDIO has this${isNamed ? '' : ', and this one has another'}.`);
  const url = input.url ?? (before?.url || undefined);
  if (url === undefined) throw fault('url', 'A URL is needed; for a STDIO gateway, a command.', 'missing');
  return { transport, url, process: undefined, isolation: 'auto' };
}

function readProcess(input: TargetInput, before: Target | undefined, isNamed: boolean, isMask: (value: string) => boolean): Target {
  if (isGiven(input.url))
    throw fault(
      'url',
      `A STDIO gateway has a command and no URL${isNamed ? '' : '; send the new transport with it to change from one to the other'}.`,
    );
  if (input.authType || mentionsCredentials(input))
    throw fault('auth_type', 'A STDIO gateway takes no auth fields; what its process needs, secrets too, goes into env.');
  const old = before?.process;
  const command = input.command ?? old?.command;
  if (command === undefined) throw fault('command', 'A STDIO gateway needs the command that starts it.', 'missing');
  return {
    transport: 'STDIO',
    url: '',
    process: {
      command,
      args: input.args ?? old?.args ?? [],
      env: isGiven(input.env) ? readEnvironment(input.env, old?.env ?? {}, isMask) : (old?.env ?? {}),
      cwd: input.cwd === undefined ? old?.cwd : (input.cwd ?? undefined),
    },
    isolation: input.stdioIsolation ?? before?.isolation ?? 'auto',
  };
}

/** Is it the same upstream, so that it need not be asked again? */
export function isSameTarget(a: Target, b: Target): boolean {
  return a.transport === b.transport && a.url === b.url && isDeepStrictEqual(a.process, b.process);
}

/** The columns of a target, but for its environment, which is sealed. What nobody said and nobody asked yet is guessed by the address. */
export function targetColumns({ transport, url, process, isolation }: Target) {
  const looksLikeSse = /\/sse\/?$/i.test(URL.parse(url)?.pathname ?? '');
  return {
    transport: transport ?? (looksLikeSse ? 'SSE' : 'STREAMABLEHTTP'),
    url,
    command: process?.command ?? null,
    args: process === undefined ? null : toJsonColumn(process.args),
    cwd: process?.cwd ?? null,
    stdio_isolation: isolation,
  } satisfies Partial<GatewaysTable>;
}

/** Do two states of a row reach the same upstream in the same way? */
export function isSameRowTarget(a: GatewaysTable, b: GatewaysTable): boolean {
  return (['transport', 'url', 'auth_secret', 'command', 'args', 'cwd', 'process_env'] as const).every((column) => a[column] === b[column]);
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}

/** In the form of a schema's faults; no value is repeated. */
function fault(field: string, message: string, type = 'value_error'): AppError {
  return new AppError('request.validation', `${field}: ${message}`, { data: { errors: [{ type, loc: ['body', field], msg: message }] } });
}
