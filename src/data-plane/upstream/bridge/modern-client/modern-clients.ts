// Clients of 2026-07-28 at upstreams that know sessions only (protocol.md 2.2).
import type { AnswerSink, UpstreamCall, UpstreamEntry, UpstreamRequest } from '#data-plane/gateway';
import type { BridgeParts } from '../bridge-parts.ts';

export class ModernClients {
  readonly #parts: BridgeParts;

  constructor(parts: BridgeParts) {
    this.#parts = parts;
  }

  open(request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    return this.#parts.port.open(request, sink);
  }

  keepOnly(_upstreams: ReadonlyMap<string, UpstreamEntry>): void {}

  async close(): Promise<void> {}
}
