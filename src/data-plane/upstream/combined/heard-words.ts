// What the upstreams of one client's session say and ask, in that client's terms: names as the combined server gives them, ids of its own
// session, and nothing that is not for it; and the client's answers back in the terms of whoever asked.
import { scanMessage, type Envelope } from '#base/protocol';
import type { ServerEntry } from '#data-plane/gateway';
import { AskIds, type Asker } from './ask-ids.ts';
import type { CallerView } from './caller-view.ts';
import type { CombinedParts } from './combined-parts.ts';
import type { Leg } from '../leg/leg.ts';
import type { LinkOwners } from './link-owners.ts';
import { shownNews } from './resource-news.ts';
import { isOfLists, withNamedLogger } from './upstream-words.ts';

class LegAsker implements Asker {
  readonly key: string;
  readonly leg: Leg;
  constructor(leg: Leg) {
    this.leg = leg;
    this.key = leg.upstreamId;
  }
}

export class HeardWords {
  readonly #parts: CombinedParts;
  readonly #view: CallerView;
  readonly #serverNow: () => ServerEntry | undefined;
  readonly #links: LinkOwners;
  readonly #asks = new AskIds<LegAsker>();

  constructor(parts: CombinedParts, view: CallerView, serverNow: () => ServerEntry | undefined, links: LinkOwners) {
    this.#parts = parts;
    this.#view = view;
    this.#serverNow = serverNow;
    this.#links = links;
  }

  /** For the client; undefined for nothing. */
  said(leg: Leg, envelope: Envelope, text: string): string | undefined {
    const { upstreamId } = leg;
    if (isOfLists(envelope)) {
      // The client hears of it when its own view has changed.
      this.#parts.onListChanged(upstreamId);
      return undefined;
    }
    const upstream = this.#parts.snapshot().upstreams.get(upstreamId);
    // What was switched off or deleted since says nothing more.
    if (upstream?.enabled !== true) return undefined;
    if (envelope.kind === 'request') return this.#asks.asked(new LegAsker(leg), envelope, text);
    switch (envelope.method) {
      case 'notifications/cancelled':
        return envelope.requestId === undefined ? undefined : this.#asks.takenBack(new LegAsker(leg), envelope.requestId, text);
      case 'notifications/message':
        return withNamedLogger(text, upstream);
      case 'notifications/resources/updated':
        return shownNews(this.#serverNow(), this.#view, upstream, text, this.#links);
      default:
        return text;
    }
  }

  /** The client has answered a question. */
  answered(message: Envelope, body: Buffer): void {
    tell(this.#asks.answered(message, body.toString('latin1')));
  }

  /** The client tells how far it is with what it was asked. */
  progressed(message: Envelope, body: Buffer): void {
    tell(this.#asks.progressed(message, body.toString('latin1')));
  }
}

function tell(to: { readonly asker: LegAsker; readonly text: string } | undefined): void {
  if (to !== undefined) void to.asker.leg.tell(Buffer.from(to.text, 'latin1'), scanMessage(to.text));
}
