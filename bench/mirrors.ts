// The gateways of the bench, with everything on (token, limits, records): one with mirrors of the upstream by each way, and ones that
// combine few or many tools.
import { fileURLToPath } from 'node:url';
import { startGateway, type StartedGateway } from '../test/kit/gateway.ts';
import { LEGACY_VERSION, type CallTarget } from './call-request.ts';
import { canPin, pinnedTo, type Child } from './child.ts';
import type { Way } from './rows.ts';
import { LOAD_CORE, PROXY_CORE } from './cores.ts';

/** Limits that are looked at on every call and never reached. */
const HIGH_LIMITS = { callsPerMinute: 100_000_000, concurrent: 100_000 };

export interface Mirror {
  /** Where it is called in the modern era. */
  readonly modern: CallTarget;
  /** The same within a session of the older era. */
  readonly legacy: CallTarget;
  /** Where its stream for clients of HTTP+SSE is opened. */
  readonly sse: CallTarget;
}

export interface BenchGateway extends Mirror {
  readonly port: number;
  readonly pid: number;
  readonly mirrors: ReadonlyMap<Way, Mirror>;
  stop(): Promise<void>;
}

/** The command line of the stdio upstream, as a proxy starts it: on the load's core. */
export const STDIO_UPSTREAM: readonly [command: string, ...args: string[]] = [
  process.execPath,
  fileURLToPath(new URL('upstream-stdio.ts', import.meta.url)),
  ...(canPin ? [String(LOAD_CORE)] : []),
];

/** @param ways what to mirror besides plain streamable HTTP */
export async function startBenchGateway(
  upstream: Child,
  nodeFlags: readonly string[] = [],
  prefix: readonly string[] = pinnedTo(PROXY_CORE),
  ways: readonly Way[] = [],
): Promise<BenchGateway> {
  const gateway = await startGateway({ nodeFlags, prefix, env: { MCPGATEWAY_STDIO_COMMANDS: process.execPath } });
  try {
    const plain = await mirror(gateway, upstream, 'http');
    const mirrors = new Map<Way, Mirror>([['http', plain]]);
    // HTTP+SSE clients use the mirror of the streamable HTTP upstream.
    mirrors.set('sse-door', plain);
    for (const way of ways) {
      if (way === 'across') mirrors.set(way, { ...(await mirror(gateway, upstream, 'http', '/legacy')), legacy: await acrossTo(gateway, upstream) });
      else if (!mirrors.has(way)) mirrors.set(way, await mirror(gateway, upstream, way));
    }
    return {
      ...plain,
      port: gateway.port,
      pid: gateway.process.pid ?? 0,
      mirrors,
      stop: async () => void (await gateway.stop()),
    };
  } catch (error) {
    await gateway.stop();
    throw error;
  }
}

/** How many upstreams, and tools of each. */
export interface CatalogueSize {
  readonly upstreams: number;
  readonly toolsEach: number;
}

export const FEW: CatalogueSize = { upstreams: 1, toolsEach: 10 };
export const MANY: CatalogueSize = { upstreams: 50, toolsEach: 200 };
/** Lists of few and of many tools are of one size then, and what they cost can be compared. */
const LIST_PAGE_SIZE = FEW.toolsEach;

/** A gateway whose /mcp combines so many tools; `bench_small` of the first upstream is what is called. */
export async function startCombiningGateway(
  upstream: Child,
  size: CatalogueSize,
  nodeFlags: readonly string[] = [],
  prefix: readonly string[] = pinnedTo(PROXY_CORE),
): Promise<Omit<BenchGateway, 'mirrors'>> {
  const gateway = await startGateway({ nodeFlags, prefix, env: { MCPGATEWAY_LIST_PAGE_SIZE: String(LIST_PAGE_SIZE) } });
  try {
    for (let number = 0; number < size.upstreams; number++) {
      const url = `http://127.0.0.1:${upstream.port}/catalogue/${number}/${size.toolsEach}`;
      const { status, body } = await gateway.api('POST', '/gateways', { name: `catalogue ${number}`, url, limits: HIGH_LIMITS });
      if (status !== 200) throw new Error(`POST /gateways: ${status} ${JSON.stringify(body)}`);
    }
    const modern = { port: gateway.port, path: '/mcp', token: gateway.token, toolName: 'catalogue-0-bench-small' };
    const legacy = { ...modern, sessionId: await openSession(`${gateway.url}/mcp`, gateway.token) };
    return {
      modern,
      legacy,
      sse: { ...modern, path: '/sse' },
      port: gateway.port,
      pid: gateway.process.pid ?? 0,
      stop: async () => void (await gateway.stop()),
    };
  } catch (error) {
    await gateway.stop();
    throw error;
  }
}

/** A session at an upstream that knows only requests which describe themselves. */
async function acrossTo(gateway: StartedGateway, upstream: Child): Promise<CallTarget> {
  return (await mirror(gateway, upstream, 'http', '/modern')).legacy;
}

function upstreamBody(upstream: Child, way: Way, path = '/mcp'): object {
  const origin = `http://127.0.0.1:${upstream.port}`;
  const [command, ...args] = STDIO_UPSTREAM;
  if (way === 'stdio') return { url: undefined, transport: 'STDIO', command, args };
  return way === 'sse-upstream' ? { url: `${origin}/sse`, transport: 'SSE' } : { url: `${origin}${path}` };
}

async function mirror(gateway: StartedGateway, upstream: Child, way: Way, path?: string): Promise<Mirror> {
  const { mcpUrl } = await gateway.registerMirror('', {
    gateway: { ...upstreamBody(upstream, way, path), limits: HIGH_LIMITS },
    server: { limits: HIGH_LIMITS },
  });
  const modern = { port: gateway.port, path: new URL(mcpUrl).pathname, token: gateway.token };
  const legacy = { ...modern, sessionId: await openSession(mcpUrl, gateway.token) };
  return { modern, legacy, sse: { ...modern, path: modern.path.replace(/mcp$/, 'sse') } };
}

/** The handshake of the older era (MCP 2025-11-25 "Lifecycle"); the id of the session it opened. */
async function openSession(mcpUrl: string, token: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const params = { protocolVersion: LEGACY_VERSION, capabilities: {}, clientInfo: { name: 'bench', version: '1' } };
  const opened = await fetch(mcpUrl, { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }) });
  const text = await opened.text();
  const sessionId = opened.headers.get('mcp-session-id');
  if (sessionId === null) throw new Error(`initialize was answered with ${opened.status} and no session: ${text.slice(0, 300)}`);
  const body = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });
  const told = await fetch(mcpUrl, {
    method: 'POST',
    headers: { ...headers, 'mcp-session-id': sessionId, 'mcp-protocol-version': LEGACY_VERSION },
    body,
  });
  await told.arrayBuffer();
  return sessionId;
}
