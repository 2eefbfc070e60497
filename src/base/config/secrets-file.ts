// Secrets nobody set are made once and kept beside the database: the first start is safe without reading anything, and the
// second start still understands the first one's tokens.
import { randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

export interface GeneratedSecrets {
  readonly jwtSecretKey: string;
  readonly authEncryptionSecret: string;
  readonly basicAuthPassword: string;
}

export interface KeptSecrets {
  readonly secrets: GeneratedSecrets;
  readonly warnings: readonly string[];
}

const kept = z.object({ jwtSecretKey: z.string().min(32), authEncryptionSecret: z.string().min(32), basicAuthPassword: z.string().min(12) });

export function secretsFileOf(databasePath: string): string {
  return `${databasePath}.secrets.json`;
}

export function generateSecrets(): GeneratedSecrets {
  const make = (bytes: number): string => randomBytes(bytes).toString('base64url');
  return { jwtSecretKey: make(48), authEncryptionSecret: make(48), basicAuthPassword: make(18) };
}

/** The secrets in the file, made now if there is none. Processes that start at once agree. Throws Error with a text for people. */
export function keepSecrets(path: string): KeptSecrets {
  let content = readIfThere(path);
  if (content === undefined) {
    create(path, generateSecrets());
    content = readIfThere(path);
  }
  const parsed = kept.safeParse(fromJson(content ?? ''));
  if (!parsed.success)
    throw new Error(
      `${path} does not hold the generated secrets; restore it, or delete it to have new ones made (stored credentials and tokens are then lost)`,
    );
  return { secrets: parsed.data, warnings: tighten(path) };
}

/**
 * Written whole under another name and linked into place: whoever finds the file finds all of it, and only one process can
 * be the one that made it.
 */
function create(path: string, secrets: GeneratedSecrets): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, `${JSON.stringify(secrets, null, 2)}\n`, { flag: 'wx', mode: 0o600 });
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Others may have read it already, so it is said and not only mended. Windows has no such bits. */
function tighten(path: string): string[] {
  if (process.platform === 'win32') return [];
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) === 0) return [];
  chmodSync(path, 0o600);
  return [
    `${path} could be read by others (mode ${mode.toString(8)}); it is 600 now. If others use this machine, delete it to have new secrets made.`,
  ];
}
