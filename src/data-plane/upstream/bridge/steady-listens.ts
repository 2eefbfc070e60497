// All streams of clients that listen to upstreams of their own era.
import type { AnswerSink, UpstreamCall, UpstreamRequest } from '#data-plane/gateway';
import type { BridgeParts } from './bridge-parts.ts';
import { SteadyListen, type SteadyOwner } from './steady-listen.ts';

export class SteadyListens {
  readonly #open = new Set<SteadyListen>();
  readonly #owner: SteadyOwner;

  constructor({ port, snapshot, handshakeTimeoutMs }: BridgeParts) {
    this.#owner = {
      port,
      ackTimeoutMs: handshakeTimeoutMs,
      upstream: (id) => {
        const upstream = snapshot().upstreams.get(id);
        return upstream?.enabled === true && upstream.row.modern ? upstream : undefined;
      },
      over: (listen) => this.#open.delete(listen),
    };
  }

  open(request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    const listen = new SteadyListen(this.#owner, request, sink);
    this.#open.add(listen);
    listen.begin();
    return listen;
  }

  snapshotChanged(): void {
    for (const listen of this.#open) listen.snapshotChanged();
  }

  close(): void {
    for (const listen of this.#open) listen.cancel();
  }
}
