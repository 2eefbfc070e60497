// Keeps what is known of upstreams up to date: reads one again when it says that its lists have changed, and now and then when it never
// says so. An upstream that changes all the time is read at a measured pace; one that cannot be read delays nobody.
import type { Principal } from '#base/access';
import { toAppError, type Logger } from '#base/kernel';
import { scanMessage, type Envelope } from '#base/protocol';
import type { Snapshot, UpstreamCall, UpstreamEntry, UpstreamPort, UpstreamRow } from '#data-plane/gateway';
import { MODERN_VERSION } from './combined/era-bridge.ts';
import { Leg, type LegOwner } from './combined/leg.ts';

export interface CatalogueWatchSettings {
  /** After a change is told, others are waited for so long. */
  readonly settleMs: number;
  /** Between two readings of one upstream, at least. */
  readonly pauseMs: number;
  /** An upstream is read again after so long whether or not it says anything; Infinity: never. */
  readonly intervalMs: number;
  readonly handshakeTimeoutMs: number;
}

export interface CatalogueWatchParts {
  readonly port: UpstreamPort;
  readonly snapshot: () => Snapshot;
  /** Reads an upstream again. */
  readonly refresh: (upstreamId: string) => Promise<unknown>;
  readonly logger: Logger;
}

export interface CatalogueWatch {
  /** An upstream says that its lists are others now. */
  changed(upstreamId: string): void;
  /** Other tables hold. */
  snapshotChanged(): void;
  close(): Promise<void>;
}

interface Watched {
  readonly key: string;
  timer: NodeJS.Timeout | undefined;
  isReading: boolean;
  hasMore: boolean;
  readAtMs: number;
  ear: Ear | undefined;
}

/** Something that hears an upstream's news. */
interface Ear {
  close(): void;
}

const TICK_MS = 1000;
const LISTEN_AGAIN_MS = 30_000;
const HELLO = { version: '2025-11-25', capabilities: '{}', clientInfo: '{"name":"mcpgateway","version":"1"}' };
const GATEWAY_ITSELF: Principal = {
  key: 'gateway',
  subject: 'gateway',
  email: 'gateway',
  isAdmin: true,
  reach: 'everything',
  scopes: undefined,
  audience: undefined,
  tokenId: undefined,
  via: 'anonymous',
};
const LISTEN = Buffer.from(
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'subscriptions/listen',
    params: {
      notifications: { toolsListChanged: true, resourcesListChanged: true, promptsListChanged: true },
      _meta: {
        'io.modelcontextprotocol/protocolVersion': MODERN_VERSION,
        'io.modelcontextprotocol/clientCapabilities': {},
        'io.modelcontextprotocol/clientInfo': { name: 'mcpgateway', version: '1' },
      },
    },
  }),
);
const LISTEN_HEADERS = [
  'content-type',
  'application/json',
  'accept',
  'application/json, text/event-stream',
  'mcp-protocol-version',
  MODERN_VERSION,
  'mcp-method',
  'subscriptions/listen',
];

export function startCatalogueWatch(settings: CatalogueWatchSettings, parts: CatalogueWatchParts): CatalogueWatch {
  const watched = new Map<string, Watched>();
  let isClosed = false;

  function plan(id: string, entry: Watched): void {
    if (isClosed || entry.timer !== undefined) return;
    if (entry.isReading) {
      entry.hasMore = true;
      return;
    }
    const waitMs = Math.max(settings.settleMs, entry.readAtMs + settings.pauseMs - Date.now());
    entry.timer = setTimeout(() => {
      entry.timer = undefined;
      void read(id, entry);
    }, waitMs);
    entry.timer.unref();
  }

  async function read(id: string, entry: Watched): Promise<void> {
    entry.isReading = true;
    try {
      await parts.refresh(id);
    } catch (error) {
      parts.logger.debug('An upstream could not be read again', { upstreamId: id, internal: toAppError(error).message });
    } finally {
      entry.isReading = false;
      entry.readAtMs = Date.now();
      if (entry.hasMore) {
        entry.hasMore = false;
        plan(id, entry);
      }
    }
  }

  function changed(upstreamId: string): void {
    const entry = watched.get(upstreamId);
    if (entry !== undefined) plan(upstreamId, entry);
  }

  function forget(id: string, entry: Watched): void {
    clearTimeout(entry.timer);
    entry.ear?.close();
    watched.delete(id);
  }

  function watch(upstream: UpstreamEntry): void {
    const { row } = upstream;
    const key = JSON.stringify([row.url, row.transport, row.headers, row.modern, row.legacy, saysChanges(row)]);
    const before = watched.get(row.id);
    if (before?.key === key) return;
    if (before !== undefined) forget(row.id, before);
    const entry: Watched = { key, timer: undefined, isReading: false, hasMore: false, readAtMs: Date.now(), ear: undefined };
    watched.set(row.id, entry);
    // A program would have to be kept running to be listened to; it is heard when somebody uses it (decisions.md 4).
    if (row.transport === 'STDIO' || !saysChanges(row)) return;
    entry.ear = row.modern ? listenModern(upstream) : listenLegacy(upstream);
  }

  function listenLegacy(upstream: UpstreamEntry): Ear {
    const owner: LegOwner = { heard: (_leg, { method }) => noteNews(upstream.id, method) };
    const { port, logger } = parts;
    const leg = new Leg({ port, logger, handshakeTimeoutMs: settings.handshakeTimeoutMs }, upstream, HELLO, GATEWAY_ITSELF, [], owner);
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const open = (): void => {
      leg.ready().catch(() => {
        if (isOver) return;
        timer = setTimeout(open, LISTEN_AGAIN_MS);
        timer.unref();
      });
    };
    open();
    return {
      close() {
        isOver = true;
        clearTimeout(timer);
        void leg.end();
      },
    };
  }

  function listenModern(upstream: UpstreamEntry): Ear {
    let call: UpstreamCall | undefined;
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const again = (): void => {
      call = undefined;
      if (isOver) return;
      timer = setTimeout(open, LISTEN_AGAIN_MS);
      timer.unref();
    };
    function open(): void {
      const row = parts.snapshot().upstreams.get(upstream.id)?.row ?? upstream.row;
      call = parts.port.open(
        {
          upstream: row,
          method: 'POST',
          lane: 'stream',
          headers: [...LISTEN_HEADERS],
          body: LISTEN,
          message: scanMessage(LISTEN.toString('latin1')),
          caller: GATEWAY_ITSELF,
          session: undefined,
          lastEventId: undefined,
          isSafeToRepeat: true,
        },
        {
          head() {},
          chunk: () => true,
          event: ({ data }) => {
            const envelope = data === undefined || data === '' ? undefined : tryScan(data);
            if (envelope?.kind === 'notification') noteNews(upstream.id, envelope.method);
            return true;
          },
          end: again,
          fail: again,
        },
      );
    }
    open();
    return {
      close() {
        isOver = true;
        clearTimeout(timer);
        call?.cancel();
      },
    };
  }

  function noteNews(upstreamId: string, method: string): void {
    if (method.endsWith('/list_changed')) changed(upstreamId);
  }

  const ticker = setInterval(() => {
    const nowMs = Date.now();
    for (const [id, entry] of watched) if (nowMs - entry.readAtMs > intervalOf(id)) plan(id, entry);
  }, TICK_MS);
  ticker.unref();

  /** Programs are not started only to look whether they have changed. */
  function intervalOf(id: string): number {
    const row = parts.snapshot().upstreams.get(id)?.row;
    if (row === undefined || row.transport === 'STDIO') return Number.POSITIVE_INFINITY;
    return typeof row.refreshIntervalSeconds === 'number' ? row.refreshIntervalSeconds * 1000 : settings.intervalMs;
  }

  return {
    changed,
    snapshotChanged() {
      const { upstreams } = parts.snapshot();
      for (const [id, entry] of watched) if (upstreams.get(id)?.enabled !== true) forget(id, entry);
      for (const upstream of upstreams.values()) if (upstream.enabled) watch(upstream);
    },
    close() {
      isClosed = true;
      clearInterval(ticker);
      for (const [id, entry] of watched) forget(id, entry);
      return Promise.resolve();
    },
  };
}

function saysChanges({ capabilities }: UpstreamRow): boolean {
  return ['tools', 'resources', 'prompts'].some((name) => (capabilities[name] as { listChanged?: unknown } | undefined)?.listChanged === true);
}

function tryScan(data: string): Envelope | undefined {
  try {
    return scanMessage(data);
  } catch {
    return undefined;
  }
}
