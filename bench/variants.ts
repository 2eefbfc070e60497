// What is compared: the upstream directly, the bare proxy, and the gateway with everything on (token, mirror, limits, records), the
// latter in both eras. Each is started anew for every round.
import { startGateway } from '../test/kit/gateway.ts';
import { callRequest, LEGACY_VERSION, type CallTarget, type Tool } from './call-request.ts';
import { pinnedTo, startChild, type Child } from './child.ts';

export type VariantName = 'direct' | 'bare' | 'gateway' | 'session';

export interface Variant {
  readonly name: VariantName;
  readonly port: number;
  /** The proxy's process; undefined when there is none between load and upstream. */
  readonly pid: number | undefined;
  /** The whole HTTP request of one call. */
  request(tool: Tool): string;
}

export interface RunningVariants {
  readonly all: ReadonlyMap<VariantName, Variant>;
  stop(): Promise<void>;
}

export const PROXY_CORE = 0;
export const LOAD_CORE = 1;

/** Limits that are looked at on every call and never reached. */
const HIGH_LIMITS = { callsPerMinute: 100_000_000, concurrent: 100_000 };
/** As long as the gateway's tokens, for those who do not look at it. */
const UNREAD_TOKEN = 'x'.repeat(380);

export function startUpstream(): Promise<Child> {
  return startChild('upstream.ts', { prefix: pinnedTo(LOAD_CORE) });
}

export function startBareProxy(upstream: Child, nodeFlags: readonly string[] = [], prefix = pinnedTo(PROXY_CORE)): Promise<Child> {
  return startChild('bare-proxy.ts', { args: [`http://127.0.0.1:${upstream.port}/mcp`], nodeFlags, prefix });
}

export interface BenchGateway {
  readonly port: number;
  readonly pid: number;
  /** Where its mirror of the upstream is called, in the modern era. */
  readonly modern: CallTarget;
  /** The same within a session of the older era. */
  readonly legacy: CallTarget;
  stop(): Promise<void>;
}

export async function startBenchGateway(upstream: Child, nodeFlags: readonly string[] = [], prefix = pinnedTo(PROXY_CORE)): Promise<BenchGateway> {
  const gateway = await startGateway({ nodeFlags, prefix });
  try {
    const { mcpUrl } = await gateway.registerMirror(`http://127.0.0.1:${upstream.port}/mcp`, {
      gateway: { limits: HIGH_LIMITS },
      server: { limits: HIGH_LIMITS },
    });
    const modern = { port: gateway.port, path: new URL(mcpUrl).pathname, token: gateway.token };
    const legacy = { ...modern, sessionId: await openSession(mcpUrl, gateway.token) };
    return {
      port: gateway.port,
      pid: gateway.process.pid ?? 0,
      modern,
      legacy,
      stop: async () => void (await gateway.stop()),
    };
  } catch (error) {
    await gateway.stop();
    throw error;
  }
}

export async function startVariants(upstream: Child): Promise<RunningVariants> {
  const bare = await startBareProxy(upstream);
  const gateway = await startBenchGateway(upstream).catch(async (error: unknown) => {
    await bare.stop();
    throw error;
  });
  const plain = (port: number) => (tool: Tool) => callRequest(tool, { port, path: '/mcp', token: UNREAD_TOKEN });
  const variants: Variant[] = [
    { name: 'direct', port: upstream.port, pid: undefined, request: plain(upstream.port) },
    { name: 'bare', port: bare.port, pid: bare.pid, request: plain(bare.port) },
    { name: 'gateway', port: gateway.port, pid: gateway.pid, request: (tool) => callRequest(tool, gateway.modern) },
    { name: 'session', port: gateway.port, pid: gateway.pid, request: (tool) => callRequest(tool, gateway.legacy) },
  ];
  return {
    all: new Map(variants.map((variant) => [variant.name, variant])),
    async stop() {
      await Promise.all([bare.stop(), gateway.stop()]);
    },
  };
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
