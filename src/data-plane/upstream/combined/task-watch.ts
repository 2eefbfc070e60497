// What a listener of a combined server wants to hear of one upstream's tasks: one `subscriptions/listen` stream there, which the bridge keeps.
import { toAppError } from '#base/kernel';
import type { UpstreamRequest } from '#data-plane/gateway';
import { ListenStream, type ListenOwner } from '../bridge/legacy-client/listen-stream.ts';
import type { CombinedParts } from './combined-parts.ts';

export class TaskWatch implements ListenOwner {
  readonly #parts: CombinedParts;
  readonly #onHeard: (text: string) => void;
  #stream: ListenStream | undefined;

  /** @param onHeard is given what the upstream says, as latin1 */
  constructor(parts: CombinedParts, onHeard: (text: string) => void) {
    this.#parts = parts;
    this.#onHeard = onHeard;
  }

  /** The tasks the upstream will tell of, known within `ackTimeoutMs`; none when it does not say so. */
  async begin(request: UpstreamRequest, ackTimeoutMs: number): Promise<ReadonlySet<string>> {
    this.#stream = new ListenStream(this.#parts.port, request, this, ackTimeoutMs);
    try {
      const reception = await this.#stream.reception;
      if ('honoured' in reception) return reception.honoured.taskIds;
    } catch (error) {
      const internal = toAppError(error).message;
      this.#parts.logger.debug('Tasks of an upstream could not be listened to', { upstream: request.upstream.name, internal });
    }
    return new Set();
  }

  heard(text: string): void {
    this.#onHeard(text);
  }

  /** Whoever wants to know goes on asking: tasks are told of out of courtesy (SEP-2663). */
  broke(): void {}

  end(): void {
    this.#stream?.close();
  }
}
