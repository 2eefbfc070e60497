// Listens to one upstream on the gateway's own account for the news that its lists are others now: over the listening stream of a
// session in the older era, by subscriptions/listen in the modern one. While it cannot listen it tries again, at a measured pace.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Principal } from '#base/access';
import type { Logger } from '#base/kernel';
import { NEWEST_LEGACY_VERSION, scanMessage, type Envelope, MODERN_VERSION } from '#base/protocol';
import type { Snapshot, UpstreamCall, UpstreamEntry, UpstreamPort } from '#data-plane/gateway';
import { Leg, type LegOwner } from './leg/leg.ts';
import { GATEWAY_INFO } from './gateway-info.ts';

export interface EarParts {
  readonly port: UpstreamPort;
  readonly snapshot: () => Snapshot;
  readonly logger: Logger;
  readonly handshakeTimeoutMs: number;
}

export interface Ear {
  /** Resolves when the upstream has been told, or could not be told in a moment. */
  close(): Promise<void>;
}

export const TOLD_WITHIN_MS = 1000;
const LISTEN_AGAIN_MS = 30_000;
const HELLO = { version: NEWEST_LEGACY_VERSION, capabilities: '{}', clientInfo: GATEWAY_INFO };
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

/** @param onNews its lists are others now, or may be: what was said between two streams was not heard */
export function openEar(parts: EarParts, upstream: UpstreamEntry, onNews: () => void): Ear {
  let hasListened = false;
  const listens = (): void => {
    if (hasListened) onNews();
    hasListened = true;
  };
  const heard = ({ method }: Envelope): void => {
    if (method.endsWith('/list_changed')) onNews();
  };
  return upstream.row.modern ? listenModern(parts, upstream, heard, listens) : listenLegacy(parts, upstream, heard, listens);
}

function listenLegacy(
  { port, logger, handshakeTimeoutMs }: EarParts,
  upstream: UpstreamEntry,
  heard: (news: Envelope) => void,
  listens: () => void,
): Ear {
  const owner: LegOwner = {
    heard(leg, envelope) {
      if (envelope.kind === 'request') refuse(leg, envelope);
      else heard(envelope);
    },
    listens,
  };
  const leg = new Leg({ port, logger, handshakeTimeoutMs }, upstream, HELLO, GATEWAY_ITSELF, [], owner);
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
    async close() {
      isOver = true;
      clearTimeout(timer);
      await Promise.race([leg.end(), sleep(TOLD_WITHIN_MS, undefined, { ref: false })]);
    },
  };
}

/** Nobody is here to be asked anything; but an upstream may want to know whether somebody still listens. */
function refuse(leg: Leg, { id, method }: Envelope): void {
  const answer = method === 'ping' ? '"result":{}' : '"error":{"code":-32601,"message":"The gateway only listens here."}';
  const text = `{"jsonrpc":"2.0","id":${id},${answer}}`;
  void leg.tell(Buffer.from(text, 'latin1'), scanMessage(text));
}

function listenModern({ port, snapshot }: EarParts, upstream: UpstreamEntry, heard: (news: Envelope) => void, listens: () => void): Ear {
  let call: UpstreamCall | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  function again(): void {
    call = undefined;
    if (isOver || timer !== undefined) return;
    timer = setTimeout(open, LISTEN_AGAIN_MS);
    timer.unref();
  }
  function open(): void {
    timer = undefined;
    const row = snapshot().upstreams.get(upstream.id)?.row ?? upstream.row;
    const opened = port.open(
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
        head: ({ kind }) => {
          if (kind === 'stream') listens();
        },
        // A refusal; however long it is, nobody reads it.
        chunk() {
          call?.cancel();
          again();
          return true;
        },
        event({ data }) {
          const envelope = data === undefined || data === '' ? undefined : tryScan(data);
          if (envelope?.kind === 'notification') heard(envelope);
          return true;
        },
        end: again,
        fail: again,
      },
    );
    if (timer === undefined && !isOver) call = opened;
  }
  open();
  return {
    close() {
      isOver = true;
      clearTimeout(timer);
      call?.cancel();
      return Promise.resolve();
    },
  };
}

function tryScan(data: string): Envelope | undefined {
  try {
    return scanMessage(data);
  } catch {
    return undefined;
  }
}
