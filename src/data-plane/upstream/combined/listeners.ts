// Open `subscriptions/listen` streams of combined servers (MCP 2026-07-28).
import type { Envelope } from '#base/protocol';
import type { AnswerSink, ServerEntry, UpstreamCall, UpstreamRequest } from '#data-plane/gateway';
import type { CallerView } from './caller-view.ts';
import type { ClientMemory } from './client-memory.ts';
import type { CombinedParts } from './combined-parts.ts';
import { Listener } from './listener.ts';

export class Listeners {
  readonly open = new Set<Listener>();
  readonly #parts: CombinedParts;
  readonly #memory: ClientMemory;

  constructor(parts: CombinedParts, memory: ClientMemory) {
    this.#parts = parts;
    this.#memory = memory;
  }

  /** Throws AppError `request.bad_params`. */
  listen(server: ServerEntry, view: CallerView, request: UpstreamRequest, message: Envelope, text: string, sink: AnswerSink): UpstreamCall {
    const listener = new Listener(this.#parts, view, request, message.id ?? 'null', text, sink, this.#memory, (over) => this.open.delete(over));
    listener.begin(server);
    this.open.add(listener);
    return listener;
  }

  /** The gateway ends; what the clients are owed they have been told. */
  close(): void {
    for (const listener of this.open) listener.cancel();
  }
}
