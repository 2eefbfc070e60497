// The single findings of `mcpgateway doctor`: facts in, a verdict with a remedy out.
import type { Config } from '#base/config';
import type { DatabaseFacts } from '#control-plane/db';
import type { Machine } from './doctor-machine.ts';

export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  readonly remedy: string | undefined;
}

const NODE_MAJOR_MIN = 24;
const DISK_BYTES_LOW = 500 * 1024 * 1024;
const DISK_BYTES_MIN = 20 * 1024 * 1024;
const CLOCK_TOLERANCE_MS = 60_000;

const ok = (name: string, detail: string): Check => ({ name, state: 'ok', detail, remedy: undefined });
const warn = (name: string, detail: string, remedy: string): Check => ({ name, state: 'warn', detail, remedy });
const fail = (name: string, detail: string, remedy: string): Check => ({ name, state: 'fail', detail, remedy });

export function checkNode(version: string): Check {
  const major = Number(version.split('.')[0]);
  if (major >= NODE_MAJOR_MIN) return ok('Node', version);
  return fail('Node', `${version} is too old`, `Install Node ${NODE_MAJOR_MIN} or newer from https://nodejs.org.`);
}

/** @param modes permission bits by path; undefined for a file that is not there, or where there are no such bits */
export function checkPermissions(modes: ReadonlyMap<string, number | undefined>): Check[] {
  const open = [...modes].filter(([, mode]) => mode !== undefined && (mode & 0o077) !== 0);
  if (open.length === 0) return [ok('file permissions', 'files with secrets are readable by this user only')];
  return open.map(([path, mode]) =>
    warn('file permissions', `${path} can be read or changed by others (mode ${((mode ?? 0) & 0o777).toString(8)})`, `Run: chmod 600 ${path}`),
  );
}

/** @param path undefined for a database in memory */
export function checkDatabase(path: string | undefined, facts: DatabaseFacts | 'absent' | undefined, isWritable: boolean): Check {
  if (path === undefined || facts === undefined)
    return warn('database', 'in memory: everything is gone when the gateway stops', 'Set DATABASE_URL to a file.');
  if (!isWritable) return fail('database', `${path} cannot be written by this user`, 'Change its owner, or set DATABASE_URL to another place.');
  if (facts === 'absent') return ok('database', `${path} is not there yet; the first start makes it`);
  if (facts.problem !== undefined)
    return fail('database', `${path} cannot be used: ${facts.problem}`, 'Restore a backup, or set DATABASE_URL to another file.');
  if (facts.pendingMigrations > 0)
    return warn('database', `${path} is of an older version of mcpgateway`, 'The next start brings it up to date; `mcpgateway migrate` does so now.');
  return ok('database', `${path}, SQLite ${facts.sqliteVersion}`);
}

export function checkDisk(folder: string, freeBytes: number | undefined): Check[] {
  if (freeBytes === undefined) return [];
  const free = `${Math.floor(freeBytes / 1024 / 1024)} MB are free in ${folder}`;
  const remedy = 'Make room, or set DATABASE_URL to another disk.';
  return [freeBytes < DISK_BYTES_MIN ? fail('disk', free, remedy) : freeBytes < DISK_BYTES_LOW ? warn('disk', free, remedy) : ok('disk', free)];
}

/** @param newestChange ISO time of the newest row, which was written at a time that is past */
export function checkClock(nowMs: number, newestChange: string | undefined): Check {
  const now = new Date(nowMs).toISOString();
  if (newestChange !== undefined && Date.parse(newestChange) - nowMs > CLOCK_TOLERANCE_MS) {
    return fail(
      'clock',
      `it shows ${now}, but the database was changed at ${newestChange}`,
      'Set the clock: tokens count as expired or not yet valid otherwise.',
    );
  }
  return ok('clock', now);
}

type Neighbour = Pick<Machine, 'askHealth' | 'tryListen'>;

export async function checkPort({ host, port, rootPath }: Pick<Config['http'], 'host' | 'port' | 'rootPath'>, machine: Neighbour): Promise<Check> {
  if (port === 0) return ok('port', 'PORT is 0: a free one is taken');
  const answer = await machine.askHealth(host, port, rootPath);
  if (answer === 'gateway') return ok('port', `a gateway is running at ${host}, port ${port}`);
  if (answer === 'other') return fail('port', `another program listens at ${host}, port ${port}`, 'Stop it, or set PORT to another number.');
  const refusal = await machine.tryListen(host, port);
  if (refusal === undefined) return ok('port', `${port} is free at ${host}`);
  const remedies: Readonly<Record<string, string>> = {
    EADDRINUSE: 'Another program holds it and answers nothing: stop it, or set PORT to another number.',
    EACCES: 'Ports below 1024 are the system’s: set PORT to a higher number.',
    EADDRNOTAVAIL: 'This machine has no such address: correct HOST.',
  };
  return fail('port', `${host}, port ${port} cannot be listened on (${refusal})`, remedies[refusal] ?? 'Correct HOST and PORT.');
}

/**
 * @param needed commands of an mcp.json
 * @param isChosen somebody has listed the allowed ones, so each is meant to be there
 */
export function checkCommands(
  allowed: readonly string[],
  needed: ReadonlySet<string>,
  isChosen: boolean,
  find: (name: string) => string | undefined,
): Check[] {
  const isThere = (command: string): boolean => find(command) !== undefined;
  const missing = [...needed].filter((command) => !isThere(command));
  const found = [...new Set([...allowed, ...needed])].filter(isThere);
  const absent = allowed.filter((command) => !isThere(command) && !needed.has(command));
  const detail = `found: ${found.join(', ') || 'none'}${absent.length === 0 ? '' : `; not found: ${absent.join(', ')}`}`;
  return [
    isChosen && absent.length > 0
      ? warn('stdio commands', detail, 'Install what is missing, or take it out of MCPGATEWAY_STDIO_COMMANDS.')
      : ok('stdio commands', detail),
    ...missing.map((command) => fail('stdio commands', `${command} was not found`, `Install it, or see that its folder is on the PATH.`)),
  ];
}
