// The five places a value may come from, read into one shape. A later source wins: file, .env, environment, flag.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { parseDocument } from 'yaml';
import type { Fault } from './fault.ts';
import { nearestName } from './near-name.ts';
import { SETTING_BY_ENV, SETTINGS, type Setting } from './schema.ts';

export type SourceKind = 'default' | 'generated' | 'file' | '.env' | 'environment' | 'flag';

export interface Origin {
  readonly source: SourceKind;
  /** In words, for people: `PORT in the environment`, `http.port in gateway.yaml`, `--port`. */
  readonly from: string;
}

export interface FoundValue {
  readonly value: unknown;
  readonly origin: Origin;
}

/** By environment name. */
export type FoundValues = Map<string, FoundValue>;
export type Environment = Readonly<Record<string, string | undefined>>;

/** Text values of the environment or of `.env`: `X`, or `X_FILE` naming a file whose trimmed content is the value. */
export function readEnvironment(env: Environment, source: '.env' | 'environment', cwd: string, found: FoundValues, faults: Fault[]): void {
  const where = source === '.env' ? 'in .env' : 'in the environment';
  for (const setting of SETTINGS) {
    const direct = given(setting, env[setting.env]);
    const fileName = env[`${setting.env}_FILE`];
    const file = fileName === undefined || fileName === '' ? undefined : fileName;
    if (direct !== undefined && file !== undefined) {
      faults.push({ name: setting.env, from: where, problem: `both ${setting.env} and ${setting.env}_FILE are set; keep one` });
    } else if (direct !== undefined) {
      found.set(setting.env, { value: direct, origin: { source, from: where } });
    } else if (file !== undefined) {
      const origin: Origin = { source, from: `${file}, named by ${setting.env}_FILE ${where}` };
      try {
        const content = given(setting, readFileSync(resolve(cwd, file), 'utf8').trim());
        if (content === undefined) faults.push({ name: setting.env, from: origin.from, problem: 'the file is empty' });
        else found.set(setting.env, { value: content, origin });
      } catch (error) {
        faults.push({ name: `${setting.env}_FILE`, from: where, problem: `${file} cannot be read (${reason(error)})` });
      }
    }
  }
}

/** An empty variable means "not set", as container files write it; only for a list it says something: none. */
function given(setting: Setting, value: string | undefined): string | undefined {
  return value === '' && setting.kind !== 'list' ? undefined : value;
}

/** `.env` in the working directory; it need not exist. */
export function readDotEnv(cwd: string, faults: Fault[]): Environment {
  try {
    return parseEnv(readFileSync(resolve(cwd, '.env'), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      faults.push({ name: '.env', from: 'working directory', problem: `cannot be read (${reason(error)})` });
    return {};
  }
}

/** `section: { key: value }`. A key that no setting has is a fault: unlike the environment, the file is ours alone. */
export function readYamlFile(path: string, cwd: string, found: FoundValues, faults: Fault[]): void {
  let root: unknown;
  try {
    const document = parseDocument(readFileSync(resolve(cwd, path), 'utf8'), { uniqueKeys: true });
    const [broken] = document.errors;
    if (broken !== undefined) throw new Error(broken.message.split('\n')[0]?.replace(/:$/, ''));
    root = document.toJS() as unknown;
  } catch (error) {
    faults.push({ name: path, from: 'configuration file', problem: `cannot be read (${reason(error)})` });
    return;
  }
  if (root === null || root === undefined) return;
  if (!isMapping(root)) {
    faults.push({ name: path, from: 'configuration file', problem: 'is not a mapping of sections', allowed: SECTIONS.join(', ') });
    return;
  }
  for (const [section, content] of Object.entries(root)) readSection(path, section, content, found, faults);
}

const SECTIONS = [...new Set(SETTINGS.map((setting) => setting.section))];
const PATHS = new Map(SETTINGS.map((setting) => [`${setting.section}.${setting.key}`, setting]));

function readSection(path: string, section: string, content: unknown, found: FoundValues, faults: Fault[]): void {
  const from = `in ${path}`;
  if (!(SECTIONS as string[]).includes(section)) {
    faults.push({ name: section, from, problem: `there is no such section${meant(section, SECTIONS)}`, allowed: SECTIONS.join(', ') });
    return;
  }
  if (content === null) return;
  if (!isMapping(content)) {
    faults.push({ name: section, from, problem: 'is not a mapping of keys' });
    return;
  }
  for (const [key, value] of Object.entries(content)) {
    const setting = PATHS.get(`${section}.${key}`);
    if (setting === undefined) {
      const keys = SETTINGS.filter((one) => one.section === section).map((one) => one.key);
      faults.push({ name: `${section}.${key}`, from, problem: `there is no such key${meant(key, keys)}`, allowed: keys.join(', ') });
    } else if (value !== null) {
      found.set(setting.env, { value, origin: { source: 'file', from: `${section}.${key} in ${path}` } });
    }
  }
}

function meant(name: string, known: readonly string[]): string {
  // The file also understands none of the environment names, which are an easy mistake to make.
  const setting = SETTING_BY_ENV.get(name.toUpperCase());
  const near = setting === undefined ? nearestName(name, known) : `${setting.section}.${setting.key}`;
  return near === undefined ? '' : `; was ${near} meant?`;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function reason(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : String(error));
}
