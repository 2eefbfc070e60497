// What `mcpgateway doctor` asks of the machine it runs on; its tests hand in another.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Environment } from '#base/config';
import { inspectDatabase, type DatabaseFacts } from '#control-plane/db';

export interface Machine {
  readonly nodeVersion: string;
  /** Epoch ms. */
  readonly nowMs: number;
  exists(path: string): boolean;
  canWrite(path: string): boolean;
  /** Permission bits; undefined where there is no such file or no such bits. */
  modeOf(path: string): number | undefined;
  /** Undefined where the system does not say. */
  freeBytes(folder: string): Promise<number | undefined>;
  /** The path of a program as a shell would find it. */
  findProgram(name: string): string | undefined;
  /** Who listens there. */
  askHealth(host: string, port: number, rootPath: string): Promise<'gateway' | 'other' | 'nobody'>;
  /** The system's error code, or undefined when it may be listened on. */
  tryListen(host: string, port: number): Promise<string | undefined>;
  inspectDatabase(path: string): DatabaseFacts;
}

const ANSWER_TIMEOUT_MS = 3000;
const ANSWER_CHARS_MAX = 1000;

export function thisMachine(env: Environment): Machine {
  return {
    nodeVersion: process.versions.node,
    nowMs: Date.now(),
    exists: existsSync,
    canWrite: (path) => canAccess(path, constants.W_OK),
    modeOf: (path) => (process.platform === 'win32' ? undefined : statSync(path, { throwIfNoEntry: false })?.mode),
    async freeBytes(folder) {
      try {
        const { bavail, bsize } = await statfs(folder);
        return bavail * bsize;
      } catch {
        return undefined;
      }
    },
    findProgram: (name) => findProgram(name, env),
    askHealth,
    tryListen,
    inspectDatabase,
  };
}

function findProgram(name: string, env: Environment): string | undefined {
  const endings = process.platform === 'win32' ? ['', ...(env['PATHEXT'] ?? '.EXE;.CMD').split(';')] : [''];
  const isPath = isAbsolute(name) || /[/\\]/.test(name);
  const folders = isPath ? [''] : (env['PATH'] ?? env['Path'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders
    .flatMap((folder) => endings.map((ending) => (folder === '' ? name : join(folder, name)) + ending))
    .find((path) => canAccess(path, constants.X_OK) && statSync(path).isFile());
}

function canAccess(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function askHealth(host: string, port: number, rootPath: string): Promise<'gateway' | 'other' | 'nobody'> {
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host.replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const request = get(
      { host: address, port, path: `${rootPath}/health`, headers: { host: 'localhost' }, timeout: ANSWER_TIMEOUT_MS, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          if (text.length < ANSWER_CHARS_MAX) text += chunk;
        });
        response.on('close', () => resolve(/^\{"status":"(healthy|unhealthy)"/.test(text) ? 'gateway' : 'other'));
      },
    );
    request.on('timeout', () => {
      resolve('other');
      request.destroy();
    });
    // A program that listens and speaks something else breaks the connection; one that is not there refuses it.
    request.on('error', (error: NodeJS.ErrnoException) =>
      resolve(['ECONNRESET', 'EPIPE'].includes(error.code ?? '') || (error.code ?? '').startsWith('HPE_') ? 'other' : 'nobody'),
    );
  });
}

function tryListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    server.listen({ host: host.replace(/^\[|\]$/g, ''), port }, () => server.close(() => resolve(undefined)));
  });
}
