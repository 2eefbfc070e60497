/**
 * Runs the reference server of the MCP project (`@modelcontextprotocol/server-everything`, streamable HTTP) as a process
 * of its own, on a port the system chooses and with an environment that is the same in every run: one of its tools prints it.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface EverythingServer {
  /** Its MCP endpoint. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Makes the process say which port the system gave it: its own message prints the setting, which is 0. */
const TELL_PORT = `data:text/javascript,import { subscribe } from 'node:diagnostics_channel';
subscribe('tracing:net.server.listen:asyncEnd', ({ server }) => console.error('PORT=' + server.address().port));`;

export async function startEverythingServer(): Promise<EverythingServer> {
  const manifest = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/package.json');
  const child = spawn(process.execPath, ['--import', TELL_PORT, join(dirname(manifest), 'dist/index.js'), 'streamableHttp'], {
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
    url: `http://127.0.0.1:${port}/mcp`,
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
