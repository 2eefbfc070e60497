// Knocks at upstreams that are in trouble, after a back-off, and at quiet ones now and then, so that their state is known before
// somebody needs them. One probe per upstream at a time.
import { toAppError, type Logger } from '#base/kernel';
import type { UpstreamReader } from '#base/protocol';
import type { UpstreamRow } from '#data-plane/gateway';
import type { HealthBook } from './health.ts';

const TICK_MS = 1000;

export interface HealthProbe {
  close(): void;
}

export interface HealthProbeOptions {
  /** How long one probe may take. */
  readonly timeoutMs: number;
  /** An upstream answered a probe. */
  readonly onReady: (upstream: UpstreamRow) => void;
}

/** @param upstreams those to watch now: the enabled ones of the snapshot */
export function startHealthProbe(
  health: HealthBook,
  reader: Pick<UpstreamReader, 'read'>,
  upstreams: () => Iterable<UpstreamRow>,
  options: HealthProbeOptions,
  logger: Logger,
): HealthProbe {
  const probing = new Set<string>();

  async function probe(upstream: UpstreamRow): Promise<void> {
    if (probing.has(upstream.id)) return;
    probing.add(upstream.id);
    const before = health.healthOf(upstream.id).state;
    try {
      await reader.read(upstream, AbortSignal.timeout(options.timeoutMs));
      health.succeeded(upstream.id);
      options.onReady(upstream);
    } catch (error) {
      const known = toAppError(error);
      // That the gateway has no room to look says nothing about the upstream.
      if (known.kind.fault === 'capacity') health.released(upstream.id);
      else health.failed(upstream.id, known);
    } finally {
      probing.delete(upstream.id);
    }
    const after = health.healthOf(upstream.id);
    if (after.state !== before)
      logger.info('An upstream changed its state', { upstream: upstream.name, from: before, to: after.state, error: after.lastError?.message });
  }

  /** To look at a program means to start another of it: not done to one that was well when last used. */
  function isLeftAlone({ id, transport }: UpstreamRow): boolean {
    return transport === 'STDIO' && health.healthOf(id).state === 'ready';
  }

  const timer = setInterval(() => {
    const byId = new Map<string, UpstreamRow>();
    for (const row of upstreams()) if (row.enabled && !isLeftAlone(row)) byId.set(row.id, row);
    for (const id of health.due(byId.keys(), Date.now())) {
      const row = byId.get(id);
      if (row !== undefined) void probe(row);
    }
  }, TICK_MS);
  timer.unref();
  return {
    close() {
      clearInterval(timer);
    },
  };
}
