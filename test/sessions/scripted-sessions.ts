/**
 * The scripted sessions by the SDK that plays them. Each runs in a process of its own, as a user's client does, so that
 * neither the test runner's module resolution nor another session's timers can reach it.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Endpoint } from './endpoint.ts';
import { ensurePython } from './python/setup.ts';

/** Plays a whole session against an MCP endpoint; rejects with the client's own words when a step failed. */
export type PlaySession = (endpoint: Endpoint, signal: AbortSignal) => Promise<void>;

async function runClient(command: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], signal, killSignal: 'SIGKILL' });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (status !== 0) throw new Error(`The client ended with ${String(status)}:\n${log}`);
}

const playTypeScript =
  (session: string, ...more: string[]): PlaySession =>
  (endpoint, signal) =>
    runClient(process.execPath, [join(import.meta.dirname, 'play.ts'), session, JSON.stringify(endpoint), ...more], signal);

export const playV1Session: PlaySession = playTypeScript('v1');
export const playV2Session: PlaySession = playTypeScript('v2');
/** `control` is the origin of the fixture server that the session is played with, directly or behind a mirror. */
export const playModernSession = (control: string): PlaySession => playTypeScript('modern', control);
export const playPythonSession: PlaySession = async (endpoint, signal) =>
  runClient(await ensurePython(), [join(import.meta.dirname, 'python/session.py'), JSON.stringify(endpoint)], signal);
