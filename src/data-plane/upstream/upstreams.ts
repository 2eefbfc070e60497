// The room put together: one port for calls to upstreams of every transport, readers for the control plane, and what has to be
// looked after between start and stop.
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '#base/kernel';
import type { Outbound } from '#base/net';
import type { UpstreamReader } from '#base/protocol';
import type { UpstreamPort, UpstreamRow } from '#data-plane/gateway';
import { createChannelUpstream } from './channel/channel-upstream.ts';
import type { HealthBook } from './health.ts';
import { createMcpHttpUpstream } from './mcp-http/mcp-http-upstream.ts';
import { createSseOpener } from './mcp-sse/sse-channel.ts';
import { noChildJournal, openChildJournal, type ChildJournal } from './mcp-stdio/child-journal.ts';
import { createStdioOpener, type StdioSettings } from './mcp-stdio/stdio-opener.ts';
import { createUpstreamReader } from './reading/upstream-reader.ts';

export interface UpstreamsSettings {
  readonly stdio: StdioSettings & { readonly idleMs: number };
  /** How long an upstream may take to shake hands again after its line broke. */
  readonly handshakeTimeoutMs: number;
  /** The database file, beside which running processes are noted; undefined when it is in memory. */
  readonly databasePath: string | undefined;
}

export interface UpstreamsParts {
  readonly outbound: Outbound;
  readonly health: HealthBook;
  readonly logger: Logger;
  /** An upstream has said that its lists are others now, to nobody but the gateway. */
  readonly onListChanged?: (upstreamId: string) => void;
}

export interface Upstreams extends UpstreamPort {
  /** @param timeoutMs for a whole reading */
  reader(timeoutMs: number): UpstreamReader;
  /** The same without lists: is it there, and what does it say of itself? @param timeoutMs for the whole greeting */
  greeter(timeoutMs: number): UpstreamReader;
  /** These are the upstreams now: lines of others are ended. */
  keepOnly(upstreams: ReadonlyMap<string, { readonly row: UpstreamRow }>): void;
  /** Ends all processes and lines; resolves when nothing of them is left. */
  close(): Promise<void>;
}

/** Resolves when processes that an earlier, killed gateway left behind have been ended. */
export async function openUpstreams(settings: UpstreamsSettings, { outbound, health, logger, onListChanged }: UpstreamsParts): Promise<Upstreams> {
  const { databasePath, handshakeTimeoutMs } = settings;
  const journal = await openJournal(databasePath, logger);
  const stdioOpener = createStdioOpener({ settings: settings.stdio, journal, logger });
  const sseOpener = createSseOpener(outbound);
  const http = createMcpHttpUpstream(outbound, health);
  const stdio = createChannelUpstream({ opener: stdioOpener, health, logger, handshakeTimeoutMs, onListChanged }, { idleMs: settings.stdio.idleMs });
  // A connection costs the other side too, but unlike a process it is not ours to take away while the client's session lasts.
  const sse = createChannelUpstream({ opener: sseOpener, health, logger, handshakeTimeoutMs }, { idleMs: Number.POSITIVE_INFINITY });
  const readerParts = { outbound, sse: sseOpener, stdio: stdioOpener, logger };
  const adapters = { STREAMABLEHTTP: http, SSE: sse, STDIO: stdio };
  return {
    open: (request, sink, observer) => adapters[request.upstream.transport].open(request, sink, observer),
    reader: (timeoutMs) => createUpstreamReader(readerParts, timeoutMs, true),
    greeter: (timeoutMs) => createUpstreamReader(readerParts, timeoutMs, false),
    keepOnly(upstreams) {
      const byTransport = (transport: string) => new Map([...upstreams].filter(([, { row }]) => row.transport === transport));
      stdio.keepOnly(byTransport('STDIO'));
      sse.keepOnly(byTransport('SSE'));
    },
    async close() {
      await Promise.all([stdio.close(), sse.close()]);
      await stdioOpener.close();
    },
  };
}

/** Without a place for notes the gateway runs all the same; only what its own sudden death leaves behind is not found then. */
async function openJournal(databasePath: string | undefined, logger: Logger): Promise<ChildJournal> {
  const folder = databasePath === undefined ? join(tmpdir(), `mcpgateway-children-${userInfo().username}`) : `${databasePath}.children`;
  try {
    const journal = openChildJournal(folder);
    const ended = await journal.endLeftovers();
    if (ended > 0) logger.warn('Processes that an earlier run had left behind were ended', { processes: ended });
    return journal;
  } catch (error) {
    logger.warn(`Running processes cannot be noted in ${folder}; if the gateway is killed, they stay behind`, { internal: String(error) });
    return noChildJournal;
  }
}
