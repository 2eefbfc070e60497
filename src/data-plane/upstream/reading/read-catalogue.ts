// Everything an upstream lists, and to whom: some show a tool only to clients that can be asked something (decisions.md 4). It is
// read as two clients, one that can do everything and one that can do nothing. Only if they are shown different things it is read as
// clients that can do all but one thing, which tells also what needs two of them (a task that asks), and, for what can do with either
// of two, as clients that can do one thing alone.
import { AppError } from '#base/kernel';
import type { ClientNeed, ItemKind, ReadItem, SkippedItem } from '#base/protocol';
import { ALL_NEEDS, type Conversation } from './conversation.ts';
import { ITEMS_MAX, LISTS, readList, ShownItems } from './read-list.ts';

const SKIPPED_MAX = 100;

/** A conversation as a client of one kind, and what the upstream declared to it. */
export interface ConversationAs {
  readonly conversation: Conversation;
  readonly capabilities: Record<string, unknown>;
}

export interface ReadCatalogue {
  readonly items: readonly ReadItem[];
  readonly skipped: readonly SkippedItem[];
}

type Read = (needs: readonly ClientNeed[]) => Promise<ShownItems | undefined>;

/**
 * @param asCapable an open conversation of a client that can do everything
 * @param open another one as a client that can do what is named; closed here
 * Throws AppError as readList() does for the first; if none can be had as the least capable client, all is taken for everybody's.
 */
export async function readCatalogue(
  gatewayName: string,
  asCapable: ConversationAs,
  open: (needs: readonly ClientNeed[]) => Promise<ConversationAs>,
): Promise<ReadCatalogue> {
  const all = await readLists(gatewayName, asCapable);
  const read: Read = async (needs) => {
    try {
      const as = await open(needs);
      try {
        return await readLists(gatewayName, as);
      } finally {
        await as.conversation.close();
      }
    } catch (error) {
      if (error instanceof AppError) return undefined;
      throw error;
    }
  };
  const none = (await read([])) ?? all;
  const hidden = [...all.items.keys()].filter((id) => !none.items.has(id));
  const needs = hidden.length === 0 ? new Map<string, readonly ClientNeed[]>() : await needsOf(hidden, read);
  const items: ReadItem[] = [...none.items.values()].map((item) => ({ ...item, needs: [] }));
  for (const [id, item] of all.items) if (!none.items.has(id)) items.push({ ...item, needs: needs.get(id) ?? ALL_NEEDS });
  // What only the least capable are shown comes on top of what fits.
  if (items.length > ITEMS_MAX) throw new AppError('upstream.bad_answer', `Gateway "${gatewayName}" lists more than ${ITEMS_MAX} items.`);
  return { items, skipped: skippedIn(none, all) };
}

/** The least that a client must be able to do to be shown each of these; a reading that fails shows nothing. */
async function needsOf(hidden: readonly string[], read: Read): Promise<Map<string, readonly ClientNeed[]>> {
  const needs = new Map<string, readonly ClientNeed[]>();
  for (const need of ALL_NEEDS) {
    const without = await read(ALL_NEEDS.filter((other) => other !== need));
    for (const id of hidden) if (without?.items.has(id) !== true) needs.set(id, [...(needs.get(id) ?? []), need]);
  }
  // Shown without any one thing, but not without all of them: one of several is enough – or it has only just come.
  for (const alone of [[], ...ALL_NEEDS.map((need) => [need])]) {
    const open = hidden.filter((id) => !needs.has(id));
    if (open.length === 0) break;
    const shown = await read(alone);
    for (const id of open) if (shown?.items.has(id) === true) needs.set(id, alone);
  }
  return needs;
}

function skippedIn(...readings: readonly ShownItems[]): SkippedItem[] {
  const skipped = new Map(readings.flatMap((shown) => shown.skipped.map((item) => [`${item.kind} ${item.name} ${item.reason}`, item])));
  return [...skipped.values()].slice(0, SKIPPED_MAX);
}

async function readLists(gatewayName: string, { conversation, capabilities }: ConversationAs): Promise<ShownItems> {
  const shown = new ShownItems();
  for (const kind of Object.keys(LISTS) as ItemKind[]) {
    if (capabilities[LISTS[kind].capability] !== undefined) await readList(conversation, kind, gatewayName, shown);
  }
  return shown;
}
