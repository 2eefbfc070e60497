// `mcpgateway doctor`: looks at everything a start depends on, in the order in which one thing needs another, and says of each what
// is wrong and what to do. It changes nothing.
import { dirname, join } from 'node:path';
import { secretsFileOf, type Environment, type LoadedConfig } from '#base/config';
import { toAppError } from '#base/kernel';
import { checkClock, checkCommands, checkDatabase, checkDisk, checkNode, checkPermissions, checkPort, type Check } from './doctor-checks.ts';
import type { Machine } from './doctor-machine.ts';
import { commandsOf, readMcpConfig, type McpConfig } from './mcp-config.ts';

export interface ExaminedGateway {
  readonly name: string;
  readonly state: 'ready' | 'failing' | 'off';
  readonly detail: string;
  readonly remedy: string | undefined;
}

export interface DoctorParts {
  readonly machine: Machine;
  readonly env: Environment;
  readonly cwd: string;
  /** An mcp.json to look at as well. */
  readonly mcpConfig: string | undefined;
  /** Throws AppError `config.invalid`. Writes nothing. */
  readonly load: () => LoadedConfig;
  /** Reads every registered gateway. @param mcp its programs may be started */
  readonly examine: (mcp: McpConfig | undefined) => Promise<readonly ExaminedGateway[]>;
}

export async function runDoctor({ machine, env, cwd, mcpConfig, load, examine }: DoctorParts): Promise<Check[]> {
  const checks: Check[] = [checkNode(machine.nodeVersion)];
  let loaded: LoadedConfig;
  try {
    loaded = load();
  } catch (error) {
    checks.push({
      name: 'configuration',
      state: 'fail',
      detail: toAppError(error).message,
      remedy: 'Correct these settings; `mcpgateway config` shows the rest.',
    });
    return checks;
  }
  const { config, warnings, notices } = loaded;
  const { path } = config.database;
  const own = [...(path === undefined ? [] : [secretsFileOf(path)]), join(cwd, '.env')];
  const modes = new Map(own.map((file) => [file, machine.modeOf(file)]));
  const isQuiet = warnings.length === 0 && notices.length === 0;
  checks.push({ name: 'configuration', state: 'ok', detail: isQuiet ? 'no faults' : 'no faults, but:', remedy: undefined });
  for (const warning of warnings) checks.push({ name: 'configuration', state: 'warn', detail: warning, remedy: undefined });
  for (const notice of notices)
    checks.push({ name: 'configuration', state: 'warn', detail: notice, remedy: 'Remove it, or leave it if another program reads it.' });
  checks.push(...checkPermissions(modes));
  const database = path === undefined ? undefined : machine.exists(path) ? machine.inspectDatabase(path) : 'absent';
  checks.push(checkDatabase(path, database, path === undefined ? true : machine.canWrite(database === 'absent' ? dirname(path) : path)));
  if (path !== undefined) checks.push(...checkDisk(dirname(path), await machine.freeBytes(dirname(path))));
  checks.push(checkClock(machine.nowMs, typeof database === 'object' ? database.newestChange : undefined));
  checks.push(await checkPort(config.http, machine));
  const file = mcpConfig === undefined ? undefined : await checkFile(mcpConfig, { env, cwd });
  if (file !== undefined) checks.push(...file.checks);
  const needed = new Set(file?.config === undefined ? [] : commandsOf(file.config));
  checks.push(
    ...checkCommands(config.stdio.commands, needed, loaded.origins['MCPGATEWAY_STDIO_COMMANDS']?.source !== 'default', (name) =>
      machine.findProgram(name),
    ),
  );
  if (typeof database === 'object' && database.problem === undefined && database.pendingMigrations === 0) {
    checks.push(...(await checkGateways(() => examine(file?.config))));
  }
  return checks;
}

async function checkFile(
  file: string,
  surroundings: { env: Environment; cwd: string },
): Promise<{ readonly config: McpConfig | undefined; readonly checks: readonly Check[] }> {
  try {
    const config = await readMcpConfig(file, { ...surroundings, ask: undefined });
    const notes = config.notes.map((note): Check => ({ name: file, state: 'warn', detail: note, remedy: undefined }));
    return { config, checks: [{ name: file, state: 'ok', detail: `${config.servers.length} servers`, remedy: undefined }, ...notes] };
  } catch (error) {
    return { config: undefined, checks: [{ name: file, state: 'fail', detail: toAppError(error).message, remedy: undefined }] };
  }
}

async function checkGateways(examine: () => Promise<readonly ExaminedGateway[]>): Promise<Check[]> {
  try {
    const gateways = await examine();
    if (gateways.length === 0) return [{ name: 'gateways', state: 'ok', detail: 'none is registered yet', remedy: undefined }];
    return gateways.map(({ name, state, detail, remedy }) => ({
      name: name === '' ? 'gateways' : `gateway ${name}`,
      state: state === 'failing' ? 'fail' : 'ok',
      detail,
      remedy,
    }));
  } catch (error) {
    return [{ name: 'gateways', state: 'fail', detail: toAppError(error).message, remedy: undefined }];
  }
}
