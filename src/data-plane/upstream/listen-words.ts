// The words of `subscriptions/listen` (MCP 2026-07-28 "Subscriptions"): what a client asks to be told, and how it is told. Texts are latin1.
import { AppError } from '#base/kernel';
import { jsonText, parsedJson, replaceAt, setMember, valueAt, type ItemKind } from '#base/protocol';
import type { AnswerSink } from '#data-plane/gateway';

/** What a client can ask to be told of lists; a kind of list is one of the upstream's capabilities. */
export const LIST_NEWS = [
  { key: 'toolsListChanged', capability: 'tools', kinds: ['tool'], method: 'notifications/tools/list_changed' },
  { key: 'resourcesListChanged', capability: 'resources', kinds: ['resource', 'template'], method: 'notifications/resources/list_changed' },
  { key: 'promptsListChanged', capability: 'prompts', kinds: ['prompt'], method: 'notifications/prompts/list_changed' },
] as const satisfies readonly { key: string; capability: string; kinds: readonly ItemKind[]; method: string }[];

export type ListNews = (typeof LIST_NEWS)[number];

export const RESOURCE_UPDATED = 'notifications/resources/updated';
export const TASK_CHANGED = 'notifications/tasks';
export const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged';
const TAG = ['params', '_meta', 'io.modelcontextprotocol/subscriptionId'];
/** One stream honours no more; what is beyond is left out of the acknowledgement. */
const NAMES_MAX = 1000;
const HELD_MAX = 1000;
const HELD_BYTES_MAX = 4 * 1024 * 1024;

export interface Wanted {
  readonly lists: readonly ListNews[];
  /** Each once, in the order of the request. */
  readonly uris: readonly string[];
  /** Of the extension io.modelcontextprotocol/tasks. */
  readonly taskIds?: readonly string[];
}

/** What a listen request asks for; what in it is not of the right type is not asked for. Throws AppError `request.bad_params`. */
export function wantedIn(request: string): Wanted {
  const text = valueAt(request, ['params', 'notifications']);
  if (text?.startsWith('{') !== true) throw new AppError('request.bad_params', '`params.notifications` must be an object.');
  const filter = parsedJson(text) as Record<string, unknown>;
  const lists = LIST_NEWS.filter(({ key }) => filter[key] === true);
  return { lists, uris: namesIn(filter['resourceSubscriptions']), taskIds: namesIn(filter['taskIds']) };
}

function namesIn(value: unknown): string[] {
  const names = Array.isArray(value) ? value.filter((name): name is string => typeof name === 'string') : [];
  return [...new Set(names)].slice(0, NAMES_MAX);
}

/** One client's stream, on which every message carries the id of the request that opened it, in the client's own JSON. */
export class NewsStream {
  readonly #sink: AnswerSink;
  readonly #idText: string;
  #isPaused = false;
  /** News for a client that is full. To hear the same twice would tell it nothing. */
  readonly #held = new Set<string>();
  #heldBytes = 0;

  constructor(sink: AnswerSink, idText: string) {
    this.#sink = sink;
    this.#idText = idText;
  }

  /** Opens the stream and says what is honoured. To be called once, before all else. */
  acknowledge({ lists, uris, taskIds = [] }: Wanted): void {
    const filter = {
      ...Object.fromEntries(lists.map(({ key }) => [key, true])),
      ...(uris.length === 0 ? {} : { resourceSubscriptions: uris }),
      ...(taskIds.length === 0 ? {} : { taskIds }),
    };
    this.#sink.head({ status: 200, kind: 'stream', headers: [], contentLength: undefined });
    this.say(ACKNOWLEDGED, { notifications: filter });
  }

  say(method: string, params: Readonly<Record<string, unknown>> = {}): void {
    this.pass(`{"jsonrpc":"2.0","method":"${method}","params":${jsonText(params)}}`);
  }

  /** @param text a notification, of this gateway or of an upstream */
  pass(text: string): void {
    const tagged = withTag(text, this.#idText);
    if (this.#isPaused) this.#hold(tagged);
    else this.#event(tagged);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    const held = [...this.#held];
    this.#held.clear();
    this.#heldBytes = 0;
    // The client may be full again in the middle of them.
    for (const text of held) {
      if (this.#isPaused) this.#hold(text);
      else this.#event(text);
    }
  }

  /** Ends it on purpose: with the empty result that the request is owed. */
  end(): void {
    this.#event(
      `{"jsonrpc":"2.0","id":${this.#idText},"result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":${this.#idText}}}}`,
    );
    this.#sink.end();
  }

  #hold(text: string): void {
    if (this.#held.has(text) || this.#held.size >= HELD_MAX || this.#heldBytes + text.length > HELD_BYTES_MAX) return;
    this.#held.add(text);
    this.#heldBytes += text.length;
  }

  #event(data: string): void {
    this.#sink.event({ id: undefined, event: 'message', retry: undefined, data, comment: undefined });
  }
}

function withTag(text: string, idText: string): string {
  // What should be an object and is none has nothing in it that could be kept.
  const forms = [text, replaceAt(text, ['params', '_meta'], '{}'), replaceAt(text, ['params'], '{}')];
  return setMember(forms.find((form) => valueAt(setMember(form, TAG, '0'), TAG) !== undefined) ?? text, TAG, idText);
}
