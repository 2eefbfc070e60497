// Questions of several upstreams to one client: each has ids and progress tokens of its own, which would collide, so the client sees the
// gateway's, and its answers and its progress find their way back.
import { replaceAt, type Envelope } from '#base/protocol';

/** Who asked. */
export interface Asker {
  readonly key: string;
}

/** As many as may be open on a session of the gateway. */
const OPEN_MAX = 10_000;

interface OpenAsk<A extends Asker> {
  readonly asker: A;
  readonly idText: string;
  readonly progressToken: string | undefined;
}

const TOKEN_PATH = ['params', '_meta', 'progressToken'];

export class AskIds<A extends Asker> {
  readonly #open = new Map<string, OpenAsk<A>>();
  readonly #ours = new Map<string, string>();
  #next = 0;

  /** A question with the id the client is to answer with. */
  asked(asker: A, { id = 'null', progressToken }: Envelope, text: string): string {
    // An upstream that was restarted counts anew: what had this id before is waited for no longer.
    const former = this.#ours.get(`${asker.key} ${id}`);
    if (former !== undefined) this.#close(former);
    if (this.#open.size >= OPEN_MAX) {
      const [oldest] = this.#open.keys();
      if (oldest !== undefined) this.#close(oldest);
    }
    const ours = String(++this.#next);
    this.#open.set(ours, { asker, idText: id, progressToken });
    this.#ours.set(`${asker.key} ${id}`, ours);
    const asked = replaceAt(text, ['id'], ours);
    return progressToken === undefined ? asked : replaceAt(asked, TOKEN_PATH, ours);
  }

  /** Whom the client tells of its progress, in the upstream's own terms; undefined when nobody waits for it. */
  progressed({ progressToken }: Envelope, text: string): { asker: A; text: string } | undefined {
    const open = this.#open.get(unquoted(progressToken) ?? '');
    if (open?.progressToken === undefined) return undefined;
    return { asker: open.asker, text: replaceAt(text, ['params', 'progressToken'], open.progressToken) };
  }

  /** The withdrawal of a question in the client's terms; undefined when it is not open. */
  takenBack(asker: A, requestId: string, text: string): string | undefined {
    const ours = this.#ours.get(`${asker.key} ${requestId}`);
    if (ours === undefined) return undefined;
    this.#close(ours);
    return replaceAt(text, ['params', 'requestId'], ours);
  }

  /** Where the client's answer goes, with the upstream's own id; undefined when nobody waits for it. */
  answered({ id }: Envelope, text: string): { asker: A; text: string } | undefined {
    const ours = unquoted(id);
    const open = ours === undefined ? undefined : this.#open.get(ours);
    if (ours === undefined || open === undefined) return undefined;
    this.#close(ours);
    return { asker: open.asker, text: replaceAt(text, ['id'], open.idText) };
  }

  #close(ours: string): void {
    const open = this.#open.get(ours);
    this.#open.delete(ours);
    if (open !== undefined) this.#ours.delete(`${open.asker.key} ${open.idText}`);
  }
}

/** Some clients turn numbers into strings. */
function unquoted(id: string | undefined): string | undefined {
  return id?.replace(/^"(\d+)"$/, '$1');
}
