// What is compared on each way of a call: the upstream directly, a bare proxy or bridge, and the gateway with everything on, the
// latter in both eras. Each is started anew for every round.
import { callRequest, sseRequests, type CallTarget, type Tool } from './call-request.ts';
import { pinnedTo, startChild, type Child } from './child.ts';
import { LOAD_CORE, PROXY_CORE } from './cores.ts';
import type { LoadSpec } from './load-spec.ts';
import { FEW, MANY, startBenchGateway, startCombiningGateway, STDIO_UPSTREAM } from './mirrors.ts';
import { childrenOf } from './process-cost.ts';
import type { Row, Way } from './rows.ts';

export { FEW, MANY, startBenchGateway, startCombiningGateway, type BenchGateway } from './mirrors.ts';

/** `-10k`: of a gateway with 10,000 tools, where `gateway` and `session` have ten. */
export type VariantName = 'direct' | 'bare' | 'gateway' | 'session' | 'gateway-10k' | 'session-10k';

export interface Variant {
  readonly name: VariantName;
  readonly port: number;
  /** The proxy's process; undefined when there is none between load and upstream. */
  readonly pid: number | undefined;
  /** Whoever is the upstream at this moment: of stdio upstreams the proxy's children. */
  upstreamPids(): number[];
  /** What the load sends for one call. */
  requests(tool: Tool): Pick<LoadSpec, 'request' | 'open'>;
}

export interface RunningVariants {
  /** Those that carry the row, in its order. */
  carriersOf(row: Row): Variant[];
  stop(): Promise<void>;
}

/** As long as the gateway's tokens, for those who do not look at it. */
const UNREAD_TOKEN = 'x'.repeat(380);

export function startUpstream(): Promise<Child> {
  return startChild('upstream.ts', { prefix: pinnedTo(LOAD_CORE) });
}

export function startBareProxy(upstream: Child, nodeFlags: readonly string[] = [], prefix = pinnedTo(PROXY_CORE)): Promise<Child> {
  return startChild('bare-proxy.ts', { args: [`http://127.0.0.1:${upstream.port}/mcp`], nodeFlags, prefix });
}

function startBare(way: Way, upstream: Child): Promise<Child> {
  const origin = `http://127.0.0.1:${upstream.port}`;
  const prefix = pinnedTo(PROXY_CORE);
  // Who only copies bytes cannot carry a call across: the same call within an era is the measure.
  if (way === 'http' || way === 'across') return startBareProxy(upstream);
  if (way === 'combined') return startChild('bare-proxy.ts', { args: [`${origin}/catalogue/0/${FEW.toolsEach}`], prefix });
  if (way === 'stdio') return startChild('bare-stdio.ts', { args: STDIO_UPSTREAM, prefix });
  if (way === 'sse-door') return startChild('bare-sse-door.ts', { args: [`${origin}/mcp`], prefix });
  return startChild('bare-sse-upstream.ts', { args: [`${origin}/sse`], prefix });
}

export async function startVariants(upstream: Child, rows: readonly Row[]): Promise<RunningVariants> {
  const ways = [...new Set(rows.map((row) => row.way))];
  const running: { stop(): Promise<void> }[] = [];
  const stop = async () => void (await Promise.all(running.map((one) => one.stop())));
  try {
    const gateway = await startBenchGateway(
      upstream,
      [],
      pinnedTo(PROXY_CORE),
      ways.filter((way) => way !== 'combined'),
    );
    running.push(gateway);
    const all = new Map<string, Variant>();
    for (const way of ways) {
      const bare = await startBare(way, upstream);
      running.push(bare);
      const add = (name: VariantName, process: { port: number; pid: number }, target: CallTarget) => {
        const isUpstream = process === upstream;
        all.set(`${way} ${name}`, {
          name,
          port: process.port,
          pid: isUpstream ? undefined : process.pid,
          upstreamPids: () => (way === 'stdio' ? childrenOf(process.pid) : [upstream.pid]),
          requests: (tool) => (way === 'sse-door' ? sseRequests(tool, target) : { request: callRequest(tool, target) }),
        });
      };
      const plain = ({ port }: Child) => ({ port, path: way === 'sse-door' ? '/sse' : '/mcp', token: UNREAD_TOKEN });
      add('direct', upstream, plain(upstream));
      add('bare', bare, plain(bare));
      if (way === 'combined') {
        for (const [size, suffix] of [[FEW, ''] as const, [MANY, '-10k'] as const]) {
          const combining = await startCombiningGateway(upstream, size);
          running.push(combining);
          add(`gateway${suffix}`, combining, combining.modern);
          add(`session${suffix}`, combining, combining.legacy);
        }
        continue;
      }
      const mirror = gateway.mirrors.get(way) ?? gateway;
      add('gateway', gateway, mirror.modern);
      add('session', gateway, way === 'sse-door' ? mirror.sse : mirror.legacy);
    }
    return { carriersOf: (row) => row.variants.flatMap((name) => all.get(`${row.way} ${name}`) ?? []), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
