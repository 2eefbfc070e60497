// Which items a server combines: how clients say it, and what of it they are shown (api.md 2.7.1). Clients of every age name members by
// id, with or without dashes, by name or URI, in a list or joined by commas; what they read they send back.
import { AppError, normaliseId } from '#base/kernel';
import type { Principal } from '#base/access';
import type { Db, Tx } from '#control-plane/db';
import { mayRead, ownedOf } from '#control-plane/http-contract';
import { nounOf, type Kind } from '#control-plane/items';
import type { ServerUpdate } from './server-input.ts';
import { findItems, membersOf, replaceMembers, type MemberRow } from './server-member-store.ts';

const FIELDS = [
  { field: 'associated_tools', lists: ['associatedTools', 'associatedToolIds'], kinds: ['tool'] },
  { field: 'associated_resources', lists: ['associatedResources', 'associatedResourceIds'], kinds: ['resource', 'template'] },
  { field: 'associated_prompts', lists: ['associatedPrompts', 'associatedPromptIds'], kinds: ['prompt'] },
] as const satisfies readonly { field: string; lists: readonly (keyof ServerUpdate)[]; kinds: readonly Kind[] }[];

type MemberField = (typeof FIELDS)[number];
type MemberInput = Pick<ServerUpdate, MemberField['lists'][number]>;

export function namesMembers(input: MemberInput): boolean {
  return FIELDS.some(({ lists }) => lists.some((list) => (input[list]?.length ?? 0) > 0));
}

/** Those of a server that a caller may see and that are on. */
export function shownMembers<Row extends MemberRow>(principal: Principal, rows: readonly Row[]): Row[] {
  return rows.filter((row) => row.enabled === 1 && mayRead(principal, ownedOf(nounOf(row.kind), row)));
}

/** Does every list that a body has say what is shown? */
export function showsExactly(input: MemberInput, shown: readonly MemberRow[]): boolean {
  return FIELDS.every((field) => {
    const ofKind = shown.filter((row) => (field.kinds as readonly Kind[]).includes(row.kind));
    const wanted = wantedList(field, input, ofKind);
    return wanted === undefined || wanted.length === 0;
  });
}

/** How a member can be named: by the first, or by its id. */
function namesOf(row: MemberRow): readonly string[] {
  return [row.kind === 'tool' || row.kind === 'prompt' ? row.name : row.key, row.id];
}

/**
 * Writes the members that a body names; lists that are null or absent leave theirs. A list that says what the caller is shown changes
 * nothing, so that who sends back what he has read takes no member away that he does not see.
 * Throws AppError `request.bad_input` for a member that is not there for this caller, where `isNew`; on an update it is skipped.
 */
export async function writeMembers(tx: Tx, principal: Principal, serverId: string, input: MemberInput, isNew: boolean): Promise<void> {
  const now = await membersOf(tx, [serverId]);
  for (const field of FIELDS) {
    const current = now.filter((row) => (field.kinds as readonly Kind[]).includes(row.kind));
    const wanted = wantedList(field, input, shownMembers(principal, current));
    if (wanted === undefined) continue;
    const found = await findMembers(tx, principal, field, wanted);
    const missing = wanted.find((_, at) => found[at] === undefined);
    if (missing !== undefined && isNew)
      throw new AppError('request.bad_input', `${field.field}: there is no ${field.kinds[0]} ${missing.slice(0, 64)}.`);
    await replaceMembers(tx, serverId, field.kinds, [...new Set(found.flatMap((row) => row?.id ?? []))]);
  }
}

/** The list that asks for something else than there is; undefined when none does. */
function wantedList({ lists }: MemberField, input: MemberInput, shown: readonly MemberRow[]): readonly string[] | undefined {
  return lists.flatMap((list) => (input[list] ? [input[list]] : [])).find((given) => !isWhatIsShown(given, shown));
}

function isWhatIsShown(given: readonly string[], shown: readonly MemberRow[]): boolean {
  const left = new Set(shown);
  for (const name of given) {
    const row = shown.find((member) => namesOf(member).includes(name) || member.id === normaliseId(name));
    if (row === undefined) return false;
    left.delete(row);
  }
  return left.size === 0 && shown.length > 0;
}

/** The item that each name stands for, in the caller's eyes; an id before a name. */
async function findMembers(db: Db | Tx, principal: Principal, { kinds }: MemberField, names: readonly string[]): Promise<(MemberRow | undefined)[]> {
  const ids = names.map(normaliseId);
  const rows = (await findItems(db, kinds, [...new Set([...names, ...ids])])).filter((row) => mayRead(principal, ownedOf(nounOf(row.kind), row)));
  const byId = new Map(rows.map((row) => [row.id, row]));
  const byName = new Map(rows.map((row) => [namesOf(row)[0], row]));
  return names.map((name, at) => byId.get(ids[at] as string) ?? byName.get(name));
}
