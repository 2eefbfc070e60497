/**
 * Makes two conversations of the same script comparable, also when they went over different transports. Each request of the
 * client has its own story, in order: its progress, what the server asked meanwhile and the answers to that, its cancellation, its
 * answer. What belongs to no request – over streamable HTTP that is another stream, with no order between the two – is kept in
 * order for each method. Volatile values are named as normalise.ts does; nothing else is left out.
 */
import type { Conversation } from './conversation.ts';
import { createNames, normaliseMessage } from './normalise.ts';

export interface NormalRequest {
  readonly request: unknown;
  readonly then: readonly unknown[];
}

export interface NormalConversation {
  /** The client's requests in the order it made them. */
  readonly requests: readonly NormalRequest[];
  /** What the server asked while no request was running, each followed by the client's answer. */
  readonly questions: readonly unknown[];
  readonly clientNotifications: Readonly<Record<string, readonly unknown[]>>;
  readonly serverNotifications: Readonly<Record<string, readonly unknown[]>>;
  /** Answers to requests that nobody made. */
  readonly strays: readonly unknown[];
}

type Message = Readonly<Record<string, unknown>>;

interface Story {
  readonly request: Message;
  readonly then: unknown[];
  isRunning: boolean;
}

function asObject(value: unknown): Message {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Message) : {};
}

const idOf = (message: Message): string => JSON.stringify(message['id']);

class Sorter {
  readonly stories: Story[] = [];
  readonly questions: unknown[] = [];
  readonly strays: unknown[] = [];
  readonly client = new Map<string, unknown[]>();
  readonly server = new Map<string, unknown[]>();
  /** Where the answer to each question of the server belongs, by its id. */
  readonly #asked = new Map<string, unknown[]>();

  add(from: 'client' | 'server', message: Message): void {
    const isRequest = 'method' in message && 'id' in message;
    if (isRequest && from === 'client') this.stories.push({ request: message, then: [], isRunning: true });
    else if (isRequest) this.#question(message);
    else if ('method' in message) this.#notification(from, message);
    else if (from === 'client') this.#reply(message);
    else this.#answer(message);
  }

  #question(message: Message): void {
    const running = this.stories.filter(({ isRunning }) => isRunning);
    const [only] = running;
    const place = only !== undefined && running.length === 1 ? only.then : this.questions;
    this.#asked.set(idOf(message), place);
    place.push({ question: message });
  }

  #reply(message: Message): void {
    const place = this.#asked.get(idOf(message)) ?? this.strays;
    this.#asked.delete(idOf(message));
    place.push({ reply: message });
  }

  #answer(message: Message): void {
    const story = this.stories.find(({ request, isRunning }) => isRunning && idOf(request) === idOf(message));
    if (story === undefined) return void this.strays.push(message);
    story.isRunning = false;
    story.then.push({ answer: message });
  }

  #notification(from: 'client' | 'server', message: Message): void {
    const params = asObject(message['params']);
    const method = String(message['method']);
    const story = this.stories.findLast(({ request }) =>
      from === 'server'
        ? method === 'notifications/progress' && tokenOf(request) === JSON.stringify(params['progressToken'])
        : method === 'notifications/cancelled' && idOf(request) === JSON.stringify(params['requestId']),
    );
    if (story === undefined) {
      const all = from === 'client' ? this.client : this.server;
      return void all.set(method, [...(all.get(method) ?? []), message]);
    }
    // A cancelled request has no answer to come; a question asked from now on is not its.
    if (from === 'client') story.isRunning = false;
    story.then.push({ [from]: message });
  }
}

function tokenOf(request: Message): string | undefined {
  const meta = asObject(asObject(request['params'])['_meta']);
  return 'progressToken' in meta ? JSON.stringify(meta['progressToken']) : undefined;
}

/** The normal form of a conversation; equal for two that a client and a server cannot tell apart by what is said. */
export function normaliseConversation(conversation: Conversation): NormalConversation {
  const sorter = new Sorter();
  for (const { from, message } of conversation) sorter.add(from, asObject(message));
  const names = createNames();
  const normal = (message: unknown): unknown => {
    const entries = Object.entries(asObject(message));
    // `{question: …}` and the like say what a message is within a story.
    const [first] = entries;
    return entries.length === 1 && first !== undefined ? { [first[0]]: normaliseMessage(first[1], names) } : normaliseMessage(message, names);
  };
  const byMethod = (all: Map<string, unknown[]>): Record<string, unknown[]> =>
    Object.fromEntries([...all].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([method, messages]) => [method, messages.map(normal)]));
  return {
    requests: sorter.stories.map(({ request, then }) => ({ request: normal(request), then: then.map(normal) })),
    questions: sorter.questions.map(normal),
    clientNotifications: byMethod(sorter.client),
    serverNotifications: byMethod(sorter.server),
    strays: sorter.strays.map(normal),
  };
}
