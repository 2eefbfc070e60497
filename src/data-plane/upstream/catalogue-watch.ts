// Keeps what is known of upstreams up to date: reads one again when it says that its lists have changed, and now and then when it never
// says so. An upstream that changes all the time is read at a measured pace; one that cannot be read delays nobody.
import { AppError, toAppError, type Logger } from '#base/kernel';
import type { Snapshot, UpstreamEntry, UpstreamPort, UpstreamRow } from '#data-plane/gateway';
import { openEar, type Ear } from './catalogue-ear.ts';

export interface CatalogueWatchSettings {
  /** After a change is told, others are waited for so long. */
  readonly settleMs: number;
  /** Between two readings of one upstream, at least; longer and longer while they fail. */
  readonly pauseMs: number;
  /** An upstream is read again after so long whether or not it says anything; Infinity: never. */
  readonly intervalMs: number;
  readonly handshakeTimeoutMs: number;
}

export interface CatalogueWatchParts {
  readonly port: UpstreamPort;
  readonly snapshot: () => Snapshot;
  /** Reads an upstream again. Throws AppError `gateway.conflict` while somebody else does, or when it was changed meanwhile. */
  readonly refresh: (upstreamId: string) => Promise<{ readonly success: boolean }>;
  readonly logger: Logger;
}

export interface CatalogueWatch {
  /** An upstream's lists are others now, or it can be read again. */
  changed(upstreamId: string): void;
  /** FreshUntil, of cache-hints.ts. */
  freshUntilMs(upstreamId: string): number;
  /** Other tables hold. */
  snapshotChanged(): void;
  close(): Promise<void>;
}

interface Watched {
  /** As it was last looked at. */
  row: UpstreamRow;
  /** What its ear depends on. */
  key: string;
  ear: Ear | undefined;
  timer: NodeJS.Timeout | undefined;
  isReading: boolean;
  hasMore: boolean;
  readAtMs: number;
  notBeforeMs: number;
  failures: number;
}

const TICK_MS = 1000;
/** Of upstreams whose time has come, so many are begun with in a tick: after a start it comes for all at once. */
const READINGS_A_TICK = 2;
/** Longer than this nobody waits to be tried again. */
const PAUSE_MAX_MS = 60_000;

export function startCatalogueWatch(settings: CatalogueWatchSettings, parts: CatalogueWatchParts): CatalogueWatch {
  const { handshakeTimeoutMs, intervalMs, pauseMs, settleMs } = settings;
  const { port, snapshot, logger } = parts;
  const watched = new Map<string, Watched>();
  let isClosed = false;

  function plan(id: string, entry: Watched): void {
    if (isClosed || entry.timer !== undefined || watched.get(id) !== entry) return;
    if (entry.isReading) {
      entry.hasMore = true;
      return;
    }
    entry.timer = setTimeout(
      () => {
        entry.timer = undefined;
        void read(id, entry);
      },
      Math.max(settleMs, entry.notBeforeMs - Date.now()),
    );
    entry.timer.unref();
  }

  async function read(id: string, entry: Watched): Promise<void> {
    entry.isReading = true;
    try {
      const { success } = await parts.refresh(id);
      entry.failures = success ? 0 : entry.failures + 1;
    } catch (error) {
      logger.debug('An upstream could not be read again', { upstreamId: id, internal: toAppError(error).message });
      // What somebody else reads at this moment may be what was there before the change.
      if (error instanceof AppError && error.code === 'gateway.conflict') entry.hasMore = true;
      else entry.failures++;
    }
    entry.isReading = false;
    entry.readAtMs = Date.now();
    entry.notBeforeMs = entry.readAtMs + Math.max(pauseMs, Math.min(PAUSE_MAX_MS, pauseMs * 2 ** Math.min(entry.failures, 10)));
    if (!entry.hasMore) return;
    entry.hasMore = false;
    plan(id, entry);
  }

  function changed(upstreamId: string): void {
    const entry = watched.get(upstreamId);
    if (entry !== undefined) plan(upstreamId, entry);
  }

  async function forget(id: string, entry: Watched): Promise<void> {
    clearTimeout(entry.timer);
    watched.delete(id);
    await entry.ear?.close();
  }

  function watch(upstream: UpstreamEntry): void {
    const { id, row } = upstream;
    let entry = watched.get(id);
    if (entry?.row === row) return;
    const key = JSON.stringify([row.url, row.transport, row.headers, row.modern, row.legacy, saysChanges(row)]);
    if (entry === undefined) {
      const readAtMs = Date.now();
      entry = { row, key: '', ear: undefined, timer: undefined, isReading: false, hasMore: false, readAtMs, notBeforeMs: 0, failures: 0 };
      watched.set(id, entry);
    }
    entry.row = row;
    if (entry.key === key) return;
    entry.key = key;
    void entry.ear?.close();
    // A program would have to be kept running to be listened to; it is heard when somebody uses it (decisions.md 4).
    const isHeard = row.transport !== 'STDIO' && saysChanges(row);
    entry.ear = isHeard ? openEar({ port, snapshot, logger, handshakeTimeoutMs }, upstream, () => changed(id)) : undefined;
  }

  const ticker = setInterval(() => {
    const nowMs = Date.now();
    let begun = 0;
    for (const [id, entry] of watched) {
      if (entry.isReading || entry.timer !== undefined || nowMs - entry.readAtMs <= intervalOf(entry.row)) continue;
      plan(id, entry);
      if (++begun === READINGS_A_TICK) break;
    }
  }, TICK_MS);
  ticker.unref();

  /** Programs are not started only to look whether they have changed. */
  function intervalOf({ transport, refreshIntervalSeconds }: UpstreamRow): number {
    if (transport === 'STDIO') return Number.POSITIVE_INFINITY;
    return typeof refreshIntervalSeconds === 'number' ? refreshIntervalSeconds * 1000 : intervalMs;
  }

  return {
    changed,
    freshUntilMs(upstreamId) {
      const entry = watched.get(upstreamId);
      if (entry === undefined || entry.isReading || entry.timer !== undefined || entry.failures > 0) return 0;
      return entry.readAtMs + intervalOf(entry.row);
    },
    snapshotChanged() {
      if (isClosed) return;
      const { upstreams } = snapshot();
      for (const [id, entry] of watched) if (upstreams.get(id)?.enabled !== true) void forget(id, entry);
      for (const upstream of upstreams.values()) if (upstream.enabled) watch(upstream);
    },
    async close() {
      isClosed = true;
      clearInterval(ticker);
      await Promise.all([...watched].map(([id, entry]) => forget(id, entry)));
    },
  };
}

function saysChanges({ capabilities }: UpstreamRow): boolean {
  return ['tools', 'resources', 'prompts'].some((name) => (capabilities[name] as { listChanged?: unknown } | null | undefined)?.listChanged === true);
}
