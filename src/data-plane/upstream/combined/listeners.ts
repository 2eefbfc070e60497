// Open `subscriptions/listen` streams of combined servers (MCP 2026-07-28).
import type { Envelope } from '#base/protocol';
import type { AnswerSink, ServerEntry, UpstreamCall, UpstreamRequest } from '#data-plane/gateway';
import type { CallerView } from './caller-view.ts';
import type { CombinedParts } from './combined-parts.ts';
import { Listener } from './listener.ts';
import type { TaskOwners } from './task-owners.ts';

export class Listeners {
  readonly open = new Set<Listener>();
  readonly #parts: CombinedParts;
  readonly #tasks: TaskOwners;

  constructor(parts: CombinedParts, tasks: TaskOwners) {
    this.#parts = parts;
    this.#tasks = tasks;
  }

  /** Throws AppError `request.bad_params`. */
  listen(server: ServerEntry, view: CallerView, request: UpstreamRequest, message: Envelope, text: string, sink: AnswerSink): UpstreamCall {
    const taskOwner = (taskId: string) => this.#tasks.ownerOf(view.principal, taskId, this.#parts.snapshot());
    const listener = new Listener(this.#parts, view, request, message.id ?? 'null', text, sink, taskOwner, (over) => this.open.delete(over));
    listener.begin(server);
    this.open.add(listener);
    return listener;
  }

  /** The gateway ends; what the clients are owed they have been told. */
  close(): void {
    for (const listener of this.open) listener.cancel();
  }
}
