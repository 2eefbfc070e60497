// Starts the real gateway as a process of its own, for tests that look from outside. Database and port are new each time.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Where Node keeps what it made of the sources: a gateway that starts from there needs less than half the CPU for it (measured). */
export const COMPILE_CACHE = join(ROOT, '.cache/compiled');
export const TEST_SECRET = 'a-secret-for-tests-only-with-enough-length-0123456789';

export interface GatewayOptions {
  /** Settings beyond the kit's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** A folder to use and keep instead of a new one, e.g. to start again on the same database. */
  readonly folder?: string;
  /** Flags for Node itself, e.g. `--cpu-prof`. */
  readonly nodeFlags?: readonly string[];
  /** Flags of `serve`. */
  readonly args?: readonly string[];
  /** A command to run it under, e.g. `['taskset', '-c', '0']`. */
  readonly prefix?: readonly string[];
}

export interface TokenClaims {
  readonly sub?: string;
  readonly [claim: string]: unknown;
}

export interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed when it is JSON, else text. */
  // eslint-disable-next-line -- tests look into bodies of many shapes
  readonly body: any;
}

export interface StartedGateway {
  readonly url: string;
  readonly port: number;
  /** An unrestricted administrator's. */
  readonly token: string;
  readonly folder: string;
  readonly process: ChildProcess;
  /** Everything it printed so far. */
  output(): string;
  tokenFor(claims: TokenClaims): Promise<string>;
  /** A REST call with the administrator's token, or the given one; `token: ''` sends none. */
  api(method: string, path: string, body?: unknown, options?: { token?: string; headers?: Record<string, string> }): Promise<RestAnswer>;
  registerMirror(
    upstreamUrl: string,
    options?: { gateway?: object; server?: object },
  ): Promise<{ gatewayId: string; serverId: string; mcpUrl: string }>;
  /** Ends it and waits; resolves with its exit code. SIGKILL leaves the folder. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export async function startGateway(options: GatewayOptions = {}): Promise<StartedGateway> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'mcpgateway-test-'));
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? folder,
    NODE_COMPILE_CACHE: COMPILE_CACHE,
    HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: `sqlite:///${join(folder, 'gateway.db')}`,
    JWT_SECRET_KEY: TEST_SECRET,
    AUTH_ENCRYPTION_SECRET: `${TEST_SECRET}-encryption`,
    LOG_LEVEL: 'WARNING',
    ...options.env,
  };
  const words = [...(options.prefix ?? []), process.execPath];
  const child = spawn(
    words[0] ?? process.execPath,
    [...words.slice(1), '--conditions=source', ...(options.nodeFlags ?? []), join(ROOT, 'src/main.ts'), 'serve', ...(options.args ?? [])],
    {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const port = await listeningPort(child, () => printed, exited);
  const url = `http://127.0.0.1:${port}`;
  const token = await signTestToken({ sub: 'admin@example.com', is_admin: true, teams: null });

  async function api(
    method: string,
    path: string,
    body?: unknown,
    { token: other, headers }: { token?: string; headers?: Record<string, string> } = {},
  ): Promise<RestAnswer> {
    const used = other ?? token;
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(used === '' ? {} : { authorization: `Bearer ${used}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = (response.headers.get('content-type') ?? '').includes('json');
    return { status: response.status, headers: response.headers, body: isJson && text !== '' ? JSON.parse(text) : text };
  }

  return {
    url,
    port,
    token,
    folder,
    process: child,
    output: () => printed,
    tokenFor: signTestToken,
    api,
    async registerMirror(upstreamUrl, { gateway = {}, server = {} } = {}) {
      const name = `upstream ${randomUUID().slice(0, 8)}`;
      const registered = await api('POST', '/gateways', { name, url: upstreamUrl, transport: 'STREAMABLEHTTP', ...gateway });
      if (registered.status !== 200) throw new Error(`POST /gateways: ${registered.status} ${JSON.stringify(registered.body)}`);
      const created = await api('POST', '/servers', { server: { name: `mirror of ${name}`, mirrorGatewayId: registered.body.id, ...server } });
      if (created.status !== 201) throw new Error(`POST /servers: ${created.status} ${JSON.stringify(created.body)}`);
      return { gatewayId: registered.body.id, serverId: created.body.id, mcpUrl: `${url}/servers/${created.body.id}/mcp` };
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const code = await exited;
      if (options.folder === undefined && signal !== 'SIGKILL') rmSync(folder, { recursive: true, force: true });
      return code;
    },
  };
}

/** Any claims; what is left out is what an ordinary token of this gateway has. `undefined` leaves a claim out. */
export async function signTestToken(claims: TokenClaims, secret = TEST_SECRET): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const all = {
    iss: 'mcpgateway',
    aud: 'mcpgateway-api',
    iat: nowSeconds,
    exp: nowSeconds + 3600,
    jti: randomUUID(),
    username: claims.sub,
    ...claims,
  };
  return new SignJWT(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)))
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .sign(Buffer.from(secret));
}

async function listeningPort(child: ChildProcess, printed: () => string, exited: Promise<number | null>): Promise<number> {
  let hasExited = false;
  void exited.then(() => (hasExited = true));
  const giveUpAtMs = Date.now() + 90_000;
  for (;;) {
    const match = /https?:\/\/[^\s/]*?:(\d+)/.exec(printed()) ?? /listening on [^\s]*:(\d+)/.exec(printed());
    if (match !== null) {
      const health = await fetch(`http://127.0.0.1:${match[1]}/health`).catch(() => undefined);
      if (health?.ok === true) return Number(match[1]);
    }
    if (hasExited) throw new Error(`The gateway ended before it listened:\n${printed()}`);
    if (Date.now() > giveUpAtMs) {
      child.kill('SIGKILL');
      throw new Error(`The gateway did not listen within 30 s:\n${printed()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
