/**
 * Runs the reference server of the MCP project (`@modelcontextprotocol/server-everything`) over each of its transports: over HTTP as
 * a process of its own, on a port the system chooses; over stdio whoever connects starts it. Its environment is the same in every
 * run, because one of its tools prints it.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Endpoint, Transport } from './endpoint.ts';

export interface EverythingServer {
  /** Where its MCP endpoint is. */
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Two of its clocks run against the client: it asks for roots 350 ms after a session has begun, into the void when the client's
 * stream does not stand by then; and the script looks at each of its three tasks in the task's first stage, which lasts a second. On
 * a busy machine that is short. The first task is cancelled there and needs no second stage; the others have four stages each. Whose
 * timer it is shows in the stack, which also names this text, so that the name is put together.
 */
const MORE_TIME = `const timer = globalThis.setTimeout;
const ofTask = ['simulate', 'research', 'query.js'].join('-');
let stage = 0;
globalThis.setTimeout = (call, ms, ...args) => {
  if (ms === 350) return timer(call, 1500, ...args);
  if (ms !== 1000 || !new Error().stack.includes(ofTask)) return timer(call, ms, ...args);
  stage++;
  if (stage === 1) return timer(call, 60000, ...args).unref();
  return timer(call, stage === 2 || stage === 6 ? 4000 : ms, ...args);
};`;

/** For clients that look at what each call does: it asks for roots as late, is soon done with a task, and does not repeat itself. */
const FOR_SINGLE_CALLS = `const { setTimeout: timer, setInterval: ticker } = globalThis;
globalThis.setTimeout = (call, ms, ...args) => timer(call, ms === 350 ? 1500 : ms === 1000 ? 20 : ms, ...args);
globalThis.setInterval = (call, ms, ...args) => ticker(call, ms === 5000 ? 600000 : ms, ...args);`;

/** Makes the process say which port the system gave it: its own message prints the setting, which is 0. */
const tellPort = (clocks: string): string => `data:text/javascript,import { subscribe } from 'node:diagnostics_channel';
subscribe('tracing:net.server.listen:asyncEnd', ({ server }) => console.error('PORT=' + server.address().port));
${clocks}`;

/** Over stdio the environment is that of whoever starts it, which is not the protocol's affair. */
const FIX_ENVIRONMENT = `data:text/javascript,for (const name of Object.keys(process.env)) delete process.env[name]; process.env.TZ = 'UTC';
${MORE_TIME}`;

function program(): string {
  const manifest = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/package.json');
  return join(dirname(manifest), 'dist/index.js');
}

/** Starts it as an HTTP server of this transport. */
export async function startEverythingServer(
  transport: 'streamableHttp' | 'sse' = 'streamableHttp',
  { hasShortTasks = false }: { hasShortTasks?: boolean } = {},
): Promise<EverythingServer> {
  const child = spawn(process.execPath, ['--import', tellPort(hasShortTasks ? FOR_SINGLE_CALLS : MORE_TIME), program(), transport], {
    env: { PORT: '0', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  const port = await new Promise<string>((resolve, reject) => {
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      const found = /PORT=(\d+)/.exec(log)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.on('exit', () => reject(new Error(`server-everything did not start:\n${log}`)));
  });
  return {
    url: `http://127.0.0.1:${port}/${transport === 'sse' ? 'sse' : 'mcp'}`,
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Runs `use` with an endpoint of its own of the server over `transport`; over stdio nothing runs until someone connects. */
export async function withEverythingServer<T>(transport: Transport, use: (endpoint: Endpoint) => Promise<T>): Promise<T> {
  if (transport === 'stdio') return use({ transport, command: process.execPath, args: ['--import', FIX_ENVIRONMENT, program(), 'stdio'] });
  const server = await startEverythingServer(transport);
  try {
    return await use({ transport, url: server.url });
  } finally {
    await server.stop();
  }
}
