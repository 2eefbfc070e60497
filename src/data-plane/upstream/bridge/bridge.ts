// The bridge between the eras of the protocol: through it every upstream speaks both. What an upstream speaks itself passes untouched;
// a request of the other era is carried across (protocol.md 2.1–2.3). Mirrors and combined servers alike use it.
import { toAppError } from '#base/kernel';
import type { AnswerSink, UpstreamCall, UpstreamEntry, UpstreamObserver, UpstreamPort, UpstreamRequest } from '#data-plane/gateway';
import { NO_CALL } from '../channel/http-manners.ts';
import { isModern } from '../channel/modern-manners.ts';
import type { BridgeParts } from './bridge-parts.ts';
import { LegacyClients } from './legacy-client/legacy-clients.ts';
import { ModernClients } from './modern-client/modern-clients.ts';
import type { ParkedCounts } from './modern-client/parked-calls.ts';
import { SteadyListens } from './steady-listens.ts';

export interface Bridge extends UpstreamPort {
  /** Calls of modern clients that wait for answers, and what became of those that did. */
  readonly waitingCalls: ParkedCounts;
  /** Held with upstreams of the older era for modern clients. */
  readonly upstreamSessionCount: number;
  /** These are the upstreams now: what waits for others is given up. */
  keepOnly(upstreams: ReadonlyMap<string, UpstreamEntry>): void;
  close(): Promise<void>;
}

export function createBridge(parts: BridgeParts): Bridge {
  const modernClients = new ModernClients(parts);
  const legacyClients = new LegacyClients(parts);
  const steadyListens = new SteadyListens(parts);

  function open(request: UpstreamRequest, sink: AnswerSink, observer: UpstreamObserver | undefined): UpstreamCall {
    const { session } = request;
    const { modern, legacy } = request.upstream;
    if (session !== undefined) return legacyClients.owns(session) ? legacyClients.open(request, sink) : parts.port.open(request, sink, observer);
    if (legacy && !modern && isSelfDescribing(request)) return modernClients.open(request, sink);
    if (modern && !legacy && !isSelfDescribing(request)) return legacyClients.open(request, sink, observer);
    if (modern && isListening(request)) return steadyListens.open(request, sink);
    return parts.port.open(request, sink, observer);
  }

  return {
    get waitingCalls() {
      return modernClients.counts;
    },
    get upstreamSessionCount() {
      return modernClients.sessionCount;
    },
    open(request, sink, observer) {
      try {
        return open(request, sink, observer);
      } catch (error) {
        // Some of those who open calls do so in a timer, where nobody would catch it.
        sink.fail(toAppError(error));
        return NO_CALL;
      }
    },
    keepOnly(upstreams) {
      modernClients.keepOnly(upstreams);
      legacyClients.keepOnly(upstreams);
      steadyListens.snapshotChanged();
    },
    async close() {
      steadyListens.close();
      await Promise.all([modernClients.close(), legacyClients.close()]);
    },
  };
}

function isSelfDescribing(request: UpstreamRequest): boolean {
  return request.message !== undefined && isModern(request, request.message);
}

function isListening(request: UpstreamRequest): boolean {
  return request.message?.method === 'subscriptions/listen' && isSelfDescribing(request);
}
