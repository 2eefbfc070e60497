// Everything an upstream lists, and to whom: some show a tool only to clients that can be asked something (decisions.md 4). It is
// read as two clients, one that can do everything and one that can do nothing; only if they are shown different things as others too.
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

interface Shown {
  readonly needs: readonly ClientNeed[];
  readonly shown: ShownItems;
}

/**
 * @param asCapable an open conversation of a client that can do everything
 * @param open another one as a client that can do what is named; closed here
 * Throws AppError as readList() does for the first; without the others everything counts as shown to everybody.
 */
export async function readCatalogue(
  gatewayName: string,
  asCapable: ConversationAs,
  open: (needs: readonly ClientNeed[]) => Promise<ConversationAs>,
): Promise<ReadCatalogue> {
  const all = await readLists(gatewayName, asCapable);
  const readAs = async (needs: readonly ClientNeed[]): Promise<Shown[]> => {
    try {
      const as = await open(needs);
      try {
        return [{ needs, shown: await readLists(gatewayName, as) }];
      } finally {
        await as.conversation.close();
      }
    } catch (error) {
      if (error instanceof AppError) return [];
      throw error;
    }
  };
  const [none] = await readAs([]);
  if (none === undefined) return merged(gatewayName, [{ needs: [], shown: all }]);
  const readings: Shown[] = [none];
  if ([...all.items.keys()].some((id) => !none.shown.items.has(id))) {
    for (const need of ALL_NEEDS) readings.push(...(await readAs([need])));
  }
  return merged(gatewayName, [...readings, { needs: ALL_NEEDS, shown: all }]);
}

async function readLists(gatewayName: string, { conversation, capabilities }: ConversationAs): Promise<ShownItems> {
  const shown = new ShownItems();
  for (const kind of Object.keys(LISTS) as ItemKind[]) {
    if (capabilities[LISTS[kind].capability] !== undefined) await readList(conversation, kind, gatewayName, shown);
  }
  return shown;
}

/** Each item once, as the least capable client is shown it: its words may differ with what a client can do. */
function merged(gatewayName: string, readings: readonly Shown[]): ReadCatalogue {
  const items = new Map<string, ReadItem>();
  const skipped = new Map<string, SkippedItem>();
  for (const { needs, shown } of readings) {
    for (const [id, item] of shown.items) if (!items.has(id)) items.set(id, { ...item, needs });
    for (const item of shown.skipped) skipped.set(`${item.kind} ${item.name} ${item.reason}`, item);
  }
  if (items.size > ITEMS_MAX) throw new AppError('upstream.bad_answer', `Gateway "${gatewayName}" lists more than ${ITEMS_MAX} items.`);
  return { items: [...items.values()], skipped: [...skipped.values()].slice(0, SKIPPED_MAX) };
}
