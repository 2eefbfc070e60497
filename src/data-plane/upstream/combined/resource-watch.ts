// What a listener of a combined server wants to hear of one upstream's resources: one `subscriptions/listen` stream there, opened again when
// it breaks. An upstream of the older era is made to understand by the bridge.
import { toAppError } from '#base/kernel';
import type { UpstreamEntry, UpstreamRequest } from '#data-plane/gateway';
import { ListenStream, type ListenOwner } from '../bridge/legacy-client/listen-stream.ts';
import { ReopenTimer } from '../channel/reopen-timer.ts';
import type { CombinedParts } from './combined-parts.ts';

export interface WatchOwner {
  /** The request for these resources of the upstream, in its own terms. */
  request(upstream: UpstreamEntry, uris: readonly string[]): UpstreamRequest;
  /** The upstream says something. */
  heard(watch: ResourceWatch, text: string): void;
  /** The upstream is heard again, and was not for a while. */
  mayHaveMissed(watch: ResourceWatch): void;
}

export class ResourceWatch implements ListenOwner {
  readonly upstreamId: string;
  /** The upstream's own URIs: those that are wanted, and from the acknowledgement on those it tells of. */
  #uris: readonly string[];
  readonly #parts: CombinedParts;
  readonly #owner: WatchOwner;
  readonly #reopenTimer = new ReopenTimer(() => void this.#reopen());
  #stream: ListenStream | undefined;
  #target = '';
  #isEnded = false;

  constructor(parts: CombinedParts, owner: WatchOwner, upstreamId: string, uris: readonly string[]) {
    this.#parts = parts;
    this.#owner = owner;
    this.upstreamId = upstreamId;
    this.#uris = uris;
  }

  get uris(): readonly string[] {
    return this.#uris;
  }

  get upstream(): UpstreamEntry | undefined {
    const upstream = this.#parts.snapshot().upstreams.get(this.upstreamId);
    return upstream?.enabled === true ? upstream : undefined;
  }

  /** @returns whether there is anything the upstream will tell of, known within `ackTimeoutMs`; if not, it is given up */
  async begin(ackTimeoutMs: number): Promise<boolean> {
    const honoured = await this.#listen(ackTimeoutMs);
    this.#uris = this.#uris.filter((uri) => honoured?.has(uri) === true);
    if (this.#uris.length === 0) this.end();
    return !this.#isEnded;
  }

  /** Other tables hold: the upstream may be reached another way, be no more, or be back. */
  snapshotChanged(): void {
    const { upstream } = this;
    if (this.#isEnded || (upstream !== undefined && targetOf(upstream) === this.#target)) return;
    this.#target = '';
    this.#drop();
    if (upstream === undefined) this.#reopenTimer.cancel();
    else this.#reopenTimer.plan();
  }

  end(): void {
    this.#isEnded = true;
    this.#reopenTimer.cancel();
    this.#drop();
  }

  heard(text: string): void {
    this.#owner.heard(this, text);
  }

  broke(stream: ListenStream): void {
    if (stream !== this.#stream) return;
    this.#stream = undefined;
    this.#again();
  }

  /** The URIs the upstream tells of; undefined when it does not. */
  async #listen(ackTimeoutMs: number): Promise<ReadonlySet<string> | undefined> {
    const { upstream } = this;
    if (upstream === undefined) return undefined;
    this.#target = targetOf(upstream);
    let stream: ListenStream | undefined;
    try {
      stream = new ListenStream(this.#parts.port, this.#owner.request(upstream, this.#uris), this, ackTimeoutMs);
      this.#stream = stream;
      const reception = await stream.reception;
      if ('honoured' in reception) return reception.honoured.uris;
    } catch (error) {
      this.#parts.logger.debug('Resources of an upstream could not be listened to', {
        upstream: upstream.row.name,
        internal: toAppError(error).message,
      });
    }
    if (this.#stream === stream) this.#stream = undefined;
    return undefined;
  }

  async #reopen(): Promise<void> {
    if (this.#isEnded || this.#stream !== undefined) return;
    const honoured = await this.#listen(this.#parts.handshakeTimeoutMs);
    if (this.#isEnded) return;
    if (honoured === undefined) {
      this.#again();
      return;
    }
    this.#reopenTimer.stands();
    this.#owner.mayHaveMissed(this);
  }

  #again(): void {
    this.#reopenTimer.lost();
    if (!this.#isEnded && this.upstream !== undefined) this.#reopenTimer.plan();
  }

  #drop(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.close();
  }
}

/** What one way to an upstream differs by from another. */
function targetOf({ row }: UpstreamEntry): string {
  return JSON.stringify([row.transport, row.url, row.process, row.headers, row.modern, row.legacy]);
}
