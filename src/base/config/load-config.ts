// Reads the configuration once, at the start: defaults < YAML file < .env < environment < flags. The only reader of the
// process environment.
import { AppError } from '#base/kernel';
import { deepFreeze, type Config } from './config.ts';
import { faultsError, shown, type Fault } from './fault.ts';
import { nearestName } from './near-name.ts';
import { NOT_APPLICABLE, noticesFor } from './not-applicable.ts';
import { checkCombinations, completeConfig, databasePath } from './resolve-config.ts';
import { configSchema, SETTING_BY_ENV, SETTINGS, type ParsedConfig, type Setting } from './schema.ts';
import { generateSecrets, keepSecrets, secretsFileOf, type GeneratedSecrets } from './secrets-file.ts';
import { readDotEnv, readEnvironment, readYamlFile, reason, type Environment, type FoundValues, type Origin } from './sources.ts';

export interface LoadOptions {
  readonly env?: Environment;
  /** For `.env` and relative paths. */
  readonly cwd?: string;
  /** By environment name, e.g. `{ PORT: '8080' }`; the command line's word is the last. */
  readonly flags?: Readonly<Record<string, string | undefined>>;
  readonly configFile?: string | undefined;
  /** False: secrets that nobody set are made up for this run, and no file is written. */
  readonly keepsSecrets?: boolean;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Something is risky or probably a mistake. */
  readonly warnings: readonly string[];
  /** Settings that were given and have no effect, with the reason. */
  readonly notices: readonly string[];
  /** By environment name: where each value came from. */
  readonly origins: Readonly<Record<string, Origin>>;
}

export function processEnvironment(): Environment {
  return process.env;
}

/** Throws AppError `config.invalid` whose message lists every fault. */
export function loadConfig(options: LoadOptions = {}): LoadedConfig {
  const env = options.env ?? processEnvironment();
  const cwd = options.cwd ?? process.cwd();
  const faults: Fault[] = [];
  const dotEnv = readDotEnv(cwd, faults);
  const found = gather(options, env, dotEnv, cwd, faults);
  const parsed = parseFound(found, faults);
  const checked = checkCombinations(parsed, cwd);
  const known = new Set(faults.map((fault) => fault.name));
  for (const { concerns, ...fault } of checked.faults) {
    if ([fault.name, ...concerns].some((name) => known.has(name))) continue;
    faults.push({ ...fault, from: found.get(fault.name)?.origin.from ?? 'default' });
  }
  const slips = [...misspellings(env, 'the environment'), ...misspellings(dotEnv, '.env')];
  if (faults.length > 0) throw faultsError(faults, slips);
  const secrets = secretsFor(parsed, cwd, options.keepsSecrets ?? true);
  const origins = Object.fromEntries(SETTINGS.map((setting) => [setting.env, originOf(setting, found, secrets.from)]));
  return deepFreeze({
    config: completeConfig(parsed, checked, secrets.values, cwd),
    warnings: [...checked.warnings, ...secrets.warnings, ...slips],
    notices: noticesFor((name) => isSet(env, name) || isSet(dotEnv, name)),
    origins,
  });
}

function gather(options: LoadOptions, env: Environment, dotEnv: Environment, cwd: string, faults: Fault[]): FoundValues {
  const found: FoundValues = new Map();
  const file = options.configFile ?? [env, dotEnv].map((one) => one['MCPGATEWAY_CONFIG_FILE']).find((name) => name !== undefined && name !== '');
  if (file !== undefined) readYamlFile(file, cwd, found, faults);
  readEnvironment(dotEnv, '.env', cwd, found, faults);
  readEnvironment(env, 'environment', cwd, found, faults);
  for (const [name, value] of Object.entries(options.flags ?? {})) {
    if (value !== undefined) found.set(name, { value, origin: { source: 'flag', from: 'on the command line' } });
  }
  return found;
}

/** A value at fault is reported and replaced by the default, so that the rest can still be checked. */
function parseFound(found: FoundValues, faults: Fault[]): ParsedConfig {
  const input: Record<string, Record<string, unknown>> = Object.fromEntries(Object.keys(configSchema.shape).map((section) => [section, {}]));
  for (const setting of SETTINGS) {
    const given = found.get(setting.env);
    if (given !== undefined) (input[setting.section] ??= {})[setting.key] = given.value;
  }
  const first = configSchema.safeParse(input);
  if (first.success) return first.data;
  for (const setting of SETTINGS) {
    const given = found.get(setting.env);
    if (given === undefined || !first.error.issues.some(({ path }) => path[0] === setting.section && path[1] === setting.key)) continue;
    faults.push({ name: setting.env, from: given.origin.from, problem: `${shown(setting, given.value)} cannot be used`, allowed: setting.allowed });
    delete input[setting.section]?.[setting.key];
  }
  return configSchema.parse(input);
}

interface SecretsInUse {
  readonly values: GeneratedSecrets;
  readonly warnings: readonly string[];
  readonly from: string;
}

/** Nothing is made, and no file is written, when every secret was given. */
function secretsFor(parsed: ParsedConfig, cwd: string, keeps: boolean): SecretsInUse {
  const database = databasePath(parsed, cwd);
  const isComplete = parsed.jwt.secretKey !== undefined && parsed.auth.encryptionSecret !== undefined && parsed.auth.basicPassword !== undefined;
  if (isComplete || !keeps || database === undefined) return { values: generateSecrets(), warnings: [], from: 'made for this run' };
  const path = secretsFileOf(database);
  try {
    const { secrets, warnings } = keepSecrets(path);
    return { values: secrets, warnings, from: `in ${path}` };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const problem = code === undefined ? reason(error) : `${path} cannot be read or written (${code})`;
    throw faultsError([{ name: 'JWT_SECRET_KEY, AUTH_ENCRYPTION_SECRET, BASIC_AUTH_PASSWORD', from: 'not set', problem }]);
  }
}

const GENERATED = new Set(['JWT_SECRET_KEY', 'AUTH_ENCRYPTION_SECRET', 'BASIC_AUTH_PASSWORD']);

function originOf(setting: Setting, found: FoundValues, generatedFrom: string): Origin {
  const given = found.get(setting.env);
  if (given !== undefined) return given.origin;
  return GENERATED.has(setting.env) ? { source: 'generated', from: generatedFrom } : { source: 'default', from: 'default' };
}

function isSet(env: Environment, name: string): boolean {
  return env[name] !== undefined && env[name] !== '';
}

const KNOWN_NAMES = new Set([
  ...SETTINGS.flatMap((setting) => [setting.env, `${setting.env}_FILE`]),
  ...NOT_APPLICABLE.map(({ name }) => name),
  'MCPGATEWAY_CONFIG_FILE',
]);
const SUGGESTED = [...SETTING_BY_ENV.keys(), 'MCPGATEWAY_CONFIG_FILE'];

function misspellings(env: Environment, where: string): string[] {
  return Object.keys(env).flatMap((name) => {
    if (KNOWN_NAMES.has(name)) return [];
    const meant = nearestName(name, SUGGESTED);
    return meant === undefined ? [] : [`${name} in ${where} is not a setting and has no effect; was ${meant} meant?`];
  });
}

/** For callers that must tell a configuration fault from a defect. */
export function isConfigFault(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'config.invalid';
}
