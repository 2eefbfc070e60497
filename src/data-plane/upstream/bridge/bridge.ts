// The bridge between the eras of the protocol: through it every upstream speaks both. What an upstream speaks itself passes untouched;
// a request of the other era is carried across (protocol.md 2.1–2.3). Mirrors and combined servers alike use it.
import type { UpstreamEntry, UpstreamPort, UpstreamRequest } from '#data-plane/gateway';
import { isModern } from '../channel/modern-manners.ts';
import type { BridgeParts } from './bridge-parts.ts';
import { ModernClients } from './modern-client/modern-clients.ts';

export interface Bridge extends UpstreamPort {
  /** These are the upstreams now: what waits for others is given up. */
  keepOnly(upstreams: ReadonlyMap<string, UpstreamEntry>): void;
  close(): Promise<void>;
}

export function createBridge(parts: BridgeParts): Bridge {
  const modernClients = new ModernClients(parts);
  return {
    open(request, sink, observer) {
      const { modern, legacy } = request.upstream;
      if (request.session === undefined && legacy && !modern && isSelfDescribing(request)) return modernClients.open(request, sink);
      return parts.port.open(request, sink, observer);
    },
    keepOnly(upstreams) {
      modernClients.keepOnly(upstreams);
    },
    async close() {
      await modernClients.close();
    },
  };
}

function isSelfDescribing(request: UpstreamRequest): boolean {
  return request.message !== undefined && isModern(request, request.message);
}
