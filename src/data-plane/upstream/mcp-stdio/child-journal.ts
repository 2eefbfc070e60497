// Remembers on disk which processes this gateway has started, so that what survives its sudden death is ended at the next start
// (decisions.md 5). One small file a child; several gateways may share the folder, and none touches what a living one owns.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { bootOf, identify, memberNow, membersOf, type ProcessIdentity } from './process-identity.ts';
import { END_TIMES, endGroup, type EndTimes } from './process-group.ts';

export interface ChildJournal {
  /**
   * Notes a child that has just been started. Throws the file system's error.
   * @returns forgets it again; to be called when nothing of its group is left
   */
  note(pid: number, command: string): () => void;
  /**
   * Ends what gateways that are dead have left running. Foreign processes that were given an old id are not touched.
   * @returns how many groups were ended
   */
  endLeftovers(times?: EndTimes): Promise<number>;
}

/** For a gateway without a folder of its own (a database in memory): leftovers are then nobody's business. */
export const noChildJournal: ChildJournal = { note: () => () => {}, endLeftovers: () => Promise.resolve(0) };

const identity = z.object({ pid: z.int().positive(), startedAt: z.string().min(1) });
const note = z.object({ child: identity, command: z.string(), owner: identity, boot: z.string(), namespace: z.string() });
type Note = z.output<typeof note>;

const FILE_NAME = /^child-\d+-\d+\.json$/;
/** A note from another container that shares the folder cannot be judged here; its processes died with the container. */
const FOREIGN_NOTE_MS = 7 * 24 * 3600 * 1000;

/** @param folder made when it is missing; nobody else needs to read it. Throws the file system's error. */
export function openChildJournal(folder: string): ChildJournal {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const place = bootOf();
  let owner: Promise<ProcessIdentity | undefined> | undefined;

  const write = (path: string, child: ProcessIdentity, command: string, own: ProcessIdentity): void => {
    // Written whole under another name: whoever finds the file finds all of it.
    const draft = `${path}.draft`;
    const text = JSON.stringify({ child: { pid: child.pid, startedAt: child.startedAt }, command, owner: own, ...place } satisfies Note);
    writeFileSync(draft, `${text}\n`, { mode: 0o600 });
    renameSync(draft, path);
  };

  return {
    note: (pid, command) => {
      const path = join(folder, `child-${process.pid}-${pid}.json`);
      const own = memberNow(process.pid);
      const child = memberNow(pid);
      let isForgotten = false;
      if (own !== undefined && child !== undefined) {
        write(path, child, command, { pid: own.pid, startedAt: own.startedAt });
      } else if (process.platform !== 'linux') {
        owner ??= identify(process.pid);
        void Promise.all([owner, identify(pid)])
          .then(([own, child]) => {
            if (own !== undefined && child !== undefined && !isForgotten) write(path, child, command, own);
          })
          // Only the tidying after a sudden death depends on it.
          .catch(() => {});
      }
      return () => {
        isForgotten = true;
        rmSync(path, { force: true });
      };
    },
    endLeftovers: async (times = END_TIMES) => {
      const names = readdirSync(folder).filter((name) => FILE_NAME.test(name));
      const ended = await Promise.all(names.map((name) => endLeftover(join(folder, name), place, times)));
      return ended.filter(Boolean).length;
    },
  };
}

async function endLeftover(path: string, place: { boot: string; namespace: string }, times: EndTimes): Promise<boolean> {
  // What another user has put there could name any process of ours.
  const uid = statSync(path, { throwIfNoEntry: false })?.uid;
  if (uid === undefined || (process.getuid !== undefined && uid !== process.getuid())) return false;
  const found = readNote(path);
  if (found === undefined) {
    rmSync(path, { force: true });
    return false;
  }
  const { child, owner, boot, namespace } = found;
  if (boot === place.boot && namespace !== place.namespace) {
    if (Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > FOREIGN_NOTE_MS) rmSync(path, { force: true });
    return false;
  }
  if (boot !== place.boot) {
    rmSync(path, { force: true });
    return false;
  }
  if (await isRunning(owner)) return false;
  const isLeft = await hasLeft(child);
  // The gateway that owned it is gone, so nobody waits for its stdin to act: it has seen the end of it already.
  const isEnded = isLeft && (await endGroup(child.pid, () => !isLeaderLeft(child), { ...times, gentleMs: 0 }));
  if (isEnded || !isLeft) rmSync(path, { force: true });
  return isEnded;
}

function readNote(path: string): Note | undefined {
  try {
    return note.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}

async function isRunning(known: ProcessIdentity): Promise<boolean> {
  return (await identify(known.pid))?.startedAt === known.startedAt;
}

/** Does the child itself still run, or, where only it has ended, something of its group? */
async function hasLeft(child: ProcessIdentity): Promise<boolean> {
  const now = await identify(child.pid);
  if (now !== undefined) return now.startedAt === child.startedAt && (process.platform !== 'linux' || memberNow(child.pid)?.groupId === child.pid);
  // The system gives no id to a new process while a group is named by it, so what is in the group came from the child – unless the
  // whole group ended and another was named so; what started before the child is certainly not of it.
  return process.platform === 'linux' && membersOf(child.pid).some((member) => Number(member.startedAt) >= Number(child.startedAt));
}

function isLeaderLeft(child: ProcessIdentity): boolean {
  if (process.platform === 'linux') {
    const now = memberNow(child.pid);
    return now !== undefined && !now.isZombie && now.startedAt === child.startedAt;
  }
  try {
    process.kill(child.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
