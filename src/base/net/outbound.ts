// The one way out of the process: every connection to somebody else is made here, through the address guard, with pools that
// are kept per purpose. Owner of undici; nobody follows redirects.
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import { buildConnector, Pool } from 'undici';
import type { Dispatcher } from 'undici';
import { AppError } from '#base/kernel';
import { createAddressGuard, type GuardSettings } from './address-guard.ts';

/**
 * Why a connection is used. Each lane has connections of its own, so that a stream, or the answer to a question from the
 * upstream, never waits behind a call that is parked until exactly that answer comes (decisions.md 30).
 */
export type Lane = 'call' | 'stream' | 'reply';

export interface OutboundSettings {
  readonly guard: GuardSettings;
  readonly connectTimeoutMs: number;
  /** Refuse to register a name that does not resolve; otherwise it is looked at when it is first connected to. */
  readonly dnsFailClosed: boolean;
  /** Verify TLS certificates of upstreams. */
  readonly verifyTls: boolean;
}

export interface OutboundRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  /** Flat list of names and values. */
  readonly headers: string[];
  readonly body: Buffer | string | undefined;
}

export type ResponseHandler = Dispatcher.DispatchHandler;
export type ResponseController = Dispatcher.DispatchController;

export interface Outbound {
  /** Sends one request; everything that happens is told to the handler. Never throws; a refused address is an error of the handler. */
  dispatch(origin: string, lane: Lane, request: OutboundRequest, handler: ResponseHandler): void;
  /** Throws AppError `upstream.refused_by_guard` for an address that would be refused, resolving the name. */
  check(url: URL): Promise<void>;
  /** Lets running requests end up to now; all connections are closed. */
  close(): Promise<void>;
}

const CONNECTIONS_PER_LANE: Record<Lane, number | null> = { call: 1024, stream: null, reply: 64 };

export function createOutbound(settings: OutboundSettings): Outbound {
  const guard = createAddressGuard(settings.guard);
  const pools = new Map<string, Pool>();

  // Called by net.connect for names; addresses in the URL are checked by checkUrl below.
  const guardedLookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '', 0);
      try {
        for (const { address } of addresses) guard.checkAddress(address, hostname);
      } catch (refusal) {
        return callback(refusal as Error, '', 0);
      }
      if (options.all === true) return callback(null, addresses);
      const first = addresses[0];
      if (first === undefined) return callback(new Error(`${hostname} has no address`), '', 0);
      return callback(null, first.address, first.family);
    });
  };

  const connect = buildConnector({
    timeout: settings.connectTimeoutMs,
    rejectUnauthorized: settings.verifyTls,
    lookup: guardedLookup,
    keepAlive: true,
    noDelay: true,
  });

  function poolFor(origin: string, lane: Lane): Pool {
    const key = `${lane} ${origin}`;
    let pool = pools.get(key);
    if (pool === undefined) {
      guard.checkUrl(new URL(origin));
      pool = new Pool(origin, {
        connect,
        connections: CONNECTIONS_PER_LANE[lane],
        pipelining: 1,
        // Deadlines are the gateway's own and know of progress and of questions to people; streams have none.
        headersTimeout: 0,
        bodyTimeout: 0,
        keepAliveTimeout: 4_000,
      });
      pools.set(key, pool);
    }
    return pool;
  }

  return {
    dispatch(origin, lane, request, handler) {
      try {
        poolFor(origin, lane).dispatch({ path: request.path, method: request.method, headers: request.headers, body: request.body ?? null }, handler);
      } catch (error) {
        // Nothing was dispatched, so there is no controller; undici's type asks for one, and our handlers look at the error only.
        handler.onResponseError?.(undefined as unknown as ResponseController, error as Error);
      }
    },
    async check(url) {
      guard.checkUrl(url);
      const host = url.hostname.replace(/^\[|\]$/g, '');
      if (!settings.guard.enabled || isIP(host) !== 0) return;
      await new Promise<void>((resolve, reject) => {
        guardedLookup(host, { all: true }, (error) => {
          if (error instanceof AppError) reject(error);
          else if (error !== null && settings.dnsFailClosed)
            reject(new AppError('upstream.unreachable', `The host ${host} does not resolve (${error.code ?? error.message}).`));
          else resolve();
        });
      });
    },
    async close() {
      const open = [...pools.values()];
      pools.clear();
      await Promise.all(open.map((pool) => pool.destroy()));
    },
  };
}
