// The program of a STDIO gateway: taken from a body within bounds, its environment merged with what is kept behind a mask, shown
// without a value of it (decisions.md 5). Whether the command may be started is the reader's to say.
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import type { Principal } from '#base/access';
import { AppError } from '#base/kernel';
import type { ProcessSpec, UpstreamTransport } from '#base/protocol';
import { fromJsonColumn, type GatewaysTable } from '#control-plane/db';

const ARGS_MAX = 256;
const ARG_BYTES_MAX = 8 * 1024;
const VARIABLES_MAX = 256;
const VARIABLE_BYTES_MAX = 32 * 1024;
const PATH_CHARS_MAX = 4096;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;

/** What an operating system takes as one text: no NUL, and something that UTF-8 can write. */
const systemText = (bytesMax: number) =>
  z
    .string()
    .refine((text) => !text.includes('\0') && text.isWellFormed(), 'NUL characters and broken Unicode are not taken here.')
    .refine((text) => Buffer.byteLength(text) <= bytesMax, `At most ${bytesMax / 1024} KB are taken here.`);

const path = z
  .string()
  .min(1)
  .max(PATH_CHARS_MAX)
  .refine((text) => !/\p{Cc}/u.test(text) && text.isWellFormed(), 'Control characters and broken Unicode are not taken here.');

export const processFields = {
  command: path.nullable().optional().describe('STDIO: the program to start, never through a shell.'),
  args: z.array(systemText(ARG_BYTES_MAX)).max(ARGS_MAX).nullable().optional().describe('STDIO: its arguments.'),
  env: z
    .record(z.string(), systemText(VARIABLE_BYTES_MAX))
    .refine((env) => Object.keys(env).length <= VARIABLES_MAX, `At most ${VARIABLES_MAX} variables are taken.`)
    .refine(
      (env) => Object.keys(env).every((name) => VARIABLE_NAME.test(name)),
      'Names of variables have letters, digits and _ only and begin with no digit.',
    )
    .nullable()
    .optional()
    .describe('STDIO: variables added to the few it gets from the gateway, secrets among them. Replaced as a whole; a masked value stays.'),
  cwd: path
    .refine((text) => isAbsolute(text), 'An absolute path is needed.')
    .nullable()
    .optional()
    .describe('STDIO: its working directory, an absolute path.'),
  stdioIsolation: z
    .enum(['auto', 'shared', 'session'])
    .nullable()
    .optional()
    .describe('STDIO: one process for all clients that can be asked nothing and one each for the others (auto), one for all, or one per session.'),
};

/**
 * Whoever may say what a STDIO gateway runs may run anything on the gateway's host: that is for administrators, whoever owns the
 * row (decisions.md 12). To be asked beside decide(), which knows nothing of transports. Throws AppError `access.denied`.
 */
export function ensureMayRun(principal: Principal, transport: UpstreamTransport | undefined): void {
  if (transport !== 'STDIO' || principal.isAdmin) return;
  throw new AppError('access.denied', 'STDIO gateways are for administrators: they run a program on the host of this gateway.');
}

export type Environment = ProcessSpec['env'];

/**
 * The environment a body asks for: its names, with stored values where the mask came back.
 * Throws AppError `request.bad_input` naming the variable behind whose mask nothing is stored.
 */
export function readEnvironment(given: Environment, stored: Environment, isMask: (value: string) => boolean): Environment {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      if (!isMask(value)) return [name, value];
      const kept = Object.hasOwn(stored, name) ? stored[name] : undefined;
      if (kept === undefined) throw new AppError('request.bad_input', `env ${name}: this is the mask, and nothing is stored behind it.`);
      return [name, kept];
    }),
  );
}

/** The program of a row; undefined for one that is not STDIO. */
export function processOf(row: Pick<GatewaysTable, 'command' | 'args' | 'cwd'>, env: Environment): ProcessSpec | undefined {
  if (row.command === null) return undefined;
  return { command: row.command, args: fromJsonColumn<string[]>(row.args, []), env, cwd: row.cwd ?? undefined };
}

export const processOut = {
  command: z.string().nullable().describe('For STDIO, as the next four. Shown to administrators only.'),
  args: z.array(z.string()).nullable(),
  env: z.record(z.string(), z.string()).nullable().describe('Each value is a mask.'),
  cwd: z.string().nullable(),
  stdioIsolation: z.enum(['auto', 'shared', 'session']).nullable(),
};

const NOTHING_SHOWN = { command: null, args: null, env: null, cwd: null, stdioIsolation: null };

/** @param spec undefined when there is none, or when the caller is not to see what is run: arguments may hold secrets as well */
export function maskedProcess(spec: ProcessSpec | undefined, isolation: GatewaysTable['stdio_isolation'], mask: string) {
  if (spec === undefined) return NOTHING_SHOWN;
  return {
    command: spec.command,
    args: [...spec.args],
    env: Object.fromEntries(Object.keys(spec.env).map((name) => [name, mask])),
    cwd: spec.cwd ?? null,
    stdioIsolation: isolation,
  };
}
