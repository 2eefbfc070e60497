// One server of an mcp.json: what its fields say, in any of the spellings clients use, as the body that registers a gateway. Every
// fault is told, not only the first.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { nearestName } from '#base/config';
import { upstreamCreate, type UpstreamCreate } from '#control-plane/upstreams';
import { fillIn, type Places } from './mcp-config-variables.ts';

export interface McpServer {
  /** Of the gateway. */
  readonly name: string;
  /** As it stands in the file. */
  readonly label: string;
  /** Undefined: the file says that it is switched off. */
  readonly input: UpstreamCreate | undefined;
}

export interface ServerReport {
  fault(field: string, problem: string): void;
  note(text: string): void;
}

const FIELDS = ['command', 'args', 'env', 'envFile', 'cwd', 'type', 'transport', 'url', 'serverUrl', 'httpUrl', 'headers', 'disabled', 'enabled'];
const NAME_CHARS_MAX = 255;
const TRANSPORTS: Readonly<Record<string, 'STREAMABLEHTTP' | 'SSE' | 'STDIO' | undefined>> = {
  stdio: 'STDIO',
  sse: 'SSE',
  streamablehttp: 'STREAMABLEHTTP',
  // Clients that say `http` fall back to HTTP+SSE by themselves, and so does a gateway that is not told.
  http: undefined,
};
const SET_BY_GATEWAY = new Set(['host', 'content-type', 'content-length', 'accept', 'accept-encoding', 'connection']);

/** Undefined when there is a fault; it was reported then. */
export function readServer(label: string, entry: unknown, places: Places, report: ServerReport): McpServer | undefined {
  let isSound = true;
  const fault = (field: string, problem: string): void => {
    isSound = false;
    report.fault(field, problem);
  };
  const name = gatewayName(label);
  if (label.trim() === '') fault('', 'has no name; give it one');
  if (!isMapping(entry)) {
    fault('', 'is not an object; write { "command": … } for a program or { "url": … } for a remote server');
    return undefined;
  }
  if (entry['disabled'] === true || entry['enabled'] === false) return isSound ? { name, label, input: undefined } : undefined;
  noteUnknownFields(entry, report);
  const fill = (field: string, text: string): string => fillIn(text, places, (problem) => fault(field, problem));
  const type = transportOf(entry, fault);
  const url = ['url', 'serverUrl', 'httpUrl'].find((field) => given(entry[field]));
  const hasCommand = given(entry['command']);
  if (type.isKnown && !hasCommand && url === undefined) {
    fault('', 'has neither "command" (a program to start) nor "url" (a remote server); add one');
  } else if (type.transport === 'STDIO' && !hasCommand) {
    fault('command', 'is missing, and type "stdio" needs it');
  } else if (hasCommand && url !== undefined && type.transport === undefined) {
    fault('type', `has "command" and "${url}"; remove one, or say which is meant: "stdio", "http" or "sse"`);
  }
  const isProgram = type.transport === 'STDIO' || (hasCommand && url === undefined);
  const body = isProgram ? program(entry, places, fault, fill) : remote(entry, url ?? 'url', type.transport, fault, fill, report);
  if (!isSound) return undefined;
  const parsed = upstreamCreate.safeParse({ name, ...body });
  if (parsed.success) return { name, label, input: parsed.data };
  for (const { path, message } of parsed.error.issues) fault(fieldInFile(path), message.replace(/\.$/, ''));
  return undefined;
}

/** Gateways take fewer characters than JSON keys do: `@scope/server` becomes `scope-server`, a name in another script a short hash. */
export function gatewayName(label: string): string {
  const name = label
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^a-zA-Z0-9_.\- ]+/g, '-')
    .replace(/^[-\s]+|[-\s]+$/g, '')
    .slice(0, NAME_CHARS_MAX);
  return /[a-zA-Z0-9]/.test(name) ? name : `server-${createHash('sha256').update(label).digest('hex').slice(0, 8)}`;
}

type Fault = ServerReport['fault'];
type Fill = (field: string, text: string) => string;

function transportOf(entry: Record<string, unknown>, fault: Fault): { transport: 'STREAMABLEHTTP' | 'SSE' | 'STDIO' | undefined; isKnown: boolean } {
  const field = given(entry['type']) ? 'type' : 'transport';
  const value = entry[field];
  if (!given(value)) return { transport: undefined, isKnown: true };
  const word = typeof value === 'string' ? value.toLowerCase().replace(/[\s_-]/g, '') : '';
  if (Object.hasOwn(TRANSPORTS, word)) return { transport: TRANSPORTS[word], isKnown: true };
  fault(field, `${shown(value)} is not known; use "stdio", "http", "streamable-http" or "sse"`);
  return { transport: undefined, isKnown: false };
}

function program(entry: Record<string, unknown>, places: Places, fault: Fault, fill: Fill) {
  const command = text(entry, 'command', fault, fill) ?? '';
  const args: string[] = [];
  if (given(entry['args'])) {
    if (!Array.isArray(entry['args'])) fault('args', 'is not a list; write ["one", "two"], one text for each argument');
    else entry['args'].forEach((arg: unknown, index) => args.push(scalar(`args[${index}]`, arg, fault, fill) ?? ''));
  }
  const folder = text(entry, 'cwd', fault, fill);
  return {
    transport: 'STDIO',
    command,
    args,
    env: { ...environmentFile(entry, places, fault, fill), ...pairs(entry, 'env', fault, fill) },
    // Relative paths in the arguments are meant from where the file is, wherever the gateway was started.
    cwd: folder === undefined ? places.workspaceFolder : resolve(places.workspaceFolder, folder),
  };
}

function remote(
  entry: Record<string, unknown>,
  urlField: string,
  transport: 'STREAMABLEHTTP' | 'SSE' | 'STDIO' | undefined,
  fault: Fault,
  fill: Fill,
  report: ServerReport,
) {
  const url = text(entry, urlField, fault, fill);
  if (url === undefined && given(entry['command'])) fault('url', 'is missing, and this type needs it');
  const headers = Object.entries(pairs(entry, 'headers', fault, fill)).filter(([name]) => {
    const isOurs = SET_BY_GATEWAY.has(name.toLowerCase());
    if (isOurs) report.note(`header ${shown(name)} is set by the gateway itself and left out`);
    return !isOurs;
  });
  const auth = headers.length === 0 ? { authType: '' } : { authType: 'authheaders', authHeaders: headers.map(([key, value]) => ({ key, value })) };
  return { ...(transport === undefined ? {} : { transport }), url, ...auth };
}

function environmentFile(entry: Record<string, unknown>, places: Places, fault: Fault, fill: Fill): Record<string, string> {
  const named = text(entry, 'envFile', fault, fill);
  if (named === undefined) return {};
  const path = isAbsolute(named) ? named : resolve(places.workspaceFolder, named);
  try {
    return Object.fromEntries(Object.entries(parseEnv(readFileSync(path, 'utf8'))).map(([name, value]) => [name, value ?? '']));
  } catch (error) {
    fault('envFile', `${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
    return {};
  }
}

function text(entry: Record<string, unknown>, field: string, fault: Fault, fill: Fill): string | undefined {
  const value = entry[field];
  if (!given(value)) return undefined;
  if (typeof value === 'string' && value !== '') return fill(field, value);
  fault(field, value === '' ? 'is empty' : 'is not a text');
  return undefined;
}

/** Numbers and switches are written without quotes by many. */
function scalar(field: string, value: unknown, fault: Fault, fill: Fill): string | undefined {
  if (typeof value === 'string') return fill(field, value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  fault(field, 'is not a text');
  return undefined;
}

function pairs(entry: Record<string, unknown>, field: string, fault: Fault, fill: Fill): Record<string, string> {
  const value = entry[field];
  if (!given(value)) return {};
  if (!isMapping(value)) {
    fault(field, 'is not an object; write { "NAME": "value" }');
    return {};
  }
  const found = Object.entries(value).flatMap(([name, one]) => {
    // VS Code's way of taking a variable away.
    if (one === null) return [];
    const filled = scalar(`${field}.${name}`, one, fault, fill);
    return filled === undefined ? [] : [[name, filled] as const];
  });
  return Object.fromEntries(found);
}

function noteUnknownFields(entry: Record<string, unknown>, report: ServerReport): void {
  for (const field of Object.keys(entry)) {
    if (FIELDS.includes(field)) continue;
    const meant = nearestName(field, FIELDS);
    report.note(meant === undefined ? `${shown(field)} has no effect here` : `${shown(field)} has no effect; was "${meant}" meant?`);
  }
}

/** Where the value stands in the file that the schema of the REST body complains about. */
function fieldInFile(path: readonly PropertyKey[]): string {
  const [first, ...rest] = path.map(String);
  if (first === 'authHeaders') return 'headers';
  return [first ?? '', ...rest].join('.');
}

function given(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 60);
}
