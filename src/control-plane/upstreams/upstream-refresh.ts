// Reading a registered upstream again: one reading of each at a time, the outcome as the contract's report (api.md 2.8, 4.7).
import { performance } from 'node:perf_hooks';
import { z } from 'zod';
import { AppError, toAppError } from '#base/kernel';
import type { SkippedItem, UpstreamHealthView, UpstreamReader } from '#base/protocol';
import type { Database, Db, GatewaysTable, Tx } from '#control-plane/db';
import { notFound, type Caller } from '#control-plane/http-contract';
import { findDifference, isNone, NO_DIFFERENCE, screenItems, syncItems, type NameRules, type SyncReport } from '#control-plane/items';
import { processOf } from './upstream-process.ts';
import { readingColumns, readUpstream } from './upstream-reading.ts';
import { findUpstream, markStale, updateUpstream } from './upstream-store.ts';
import { isSameRowTarget } from './upstream-target.ts';
import type { UpstreamVault } from './upstream-vault.ts';

const count = z.number().int();

export const refreshReportOut = z.object({
  gatewayId: z.string(),
  success: z.boolean(),
  error: z.string().nullable(),
  toolsAdded: count,
  toolsUpdated: count,
  toolsRemoved: count,
  resourcesAdded: count,
  resourcesUpdated: count,
  resourcesRemoved: count,
  promptsAdded: count,
  promptsUpdated: count,
  promptsRemoved: count,
  validationErrors: z.array(z.string()),
  durationMs: z.number(),
  refreshedAt: z.string(),
});

export type RefreshReport = z.output<typeof refreshReportOut>;

export interface RefresherParts {
  readonly database: Database;
  readonly reader: UpstreamReader;
  readonly health: UpstreamHealthView;
  readonly vault: UpstreamVault;
  readonly readTimeoutMs: number;
  readonly names: NameRules;
}

export interface Refresher {
  isRunning(id: string): boolean;
  /** Permissions are the caller's of this function to check. Throws AppError `gateway.conflict` or `gateway.not_found`. */
  refresh(id: string, caller: Caller | undefined): Promise<RefreshReport>;
}

const GATEWAY_ITSELF: Caller = {
  principal: {
    key: 'gateway',
    subject: 'gateway',
    email: 'gateway',
    isAdmin: true,
    reach: 'everything',
    scopes: undefined,
    audience: undefined,
    tokenId: undefined,
    via: 'anonymous',
  },
  clientAddress: '',
  userAgent: undefined,
  correlationId: '',
};

interface Outcome {
  readonly report: SyncReport;
  readonly skipped: readonly SkippedItem[];
}

export function createRefresher({ database, reader, health, vault, readTimeoutMs, names }: RefresherParts): Refresher {
  const running = new Set<string>();

  async function readAndWrite(id: string, caller: Caller): Promise<Outcome> {
    const row = await findUpstream(database.db, id);
    if (row === undefined) throw notFound('gateway', id);
    const target = { transport: row.transport, url: row.url, process: processOf(row, vault.openEnvironment(row)) };
    const reading = await readUpstream(reader, { id, name: row.name, target, secret: vault.open(row) }, readTimeoutMs);
    const screened = screenItems(reading);
    const now = new Date().toISOString();
    const columns = readingColumns(reading, screened, now);
    const context = { caller, now, rules: names };
    /** What was read is of the address or command and the credentials that were there before. */
    const currentRow = async (db: Db | Tx): Promise<GatewaysTable> => {
      const current = await findUpstream(db, id);
      if (current === undefined) throw notFound('gateway', id);
      if (!isSameRowTarget(current, row)) throw new AppError('gateway.conflict', `Gateway "${row.name}" was changed while it was being read.`);
      return current;
    };
    // Compared before the transaction, which is short then; it compares again should items have been changed meanwhile.
    const compared = await currentRow(database.db);
    const difference = await findDifference(database.db, compared, screened.items, context);
    if (isNone(difference) && saysNothingNew(compared, columns)) {
      await database.note((tx) => updateUpstream(tx, id, { last_refresh_at: now }));
      return { report: NO_DIFFERENCE, skipped: screened.skipped };
    }
    const report = await database.change(async (tx) => {
      const current = await currentRow(tx);
      await updateUpstream(tx, id, columns);
      return await syncItems(tx, current, screened.items, context, difference);
    });
    return { report, skipped: screened.skipped };
  }

  /** Its items stay as they are known, and are old from now on. */
  async function noteStale(id: string): Promise<void> {
    const row = await findUpstream(database.db, id);
    if (row === undefined || row.stale_since !== null || row.last_refresh_at === null) return;
    await database.change((tx) => markStale(tx, id, new Date().toISOString()));
  }

  return {
    isRunning: (id) => running.has(id),
    async refresh(id, caller = GATEWAY_ITSELF) {
      if (running.has(id)) throw new AppError('gateway.conflict', 'A refresh of this gateway is running.');
      running.add(id);
      const startedAtMs = performance.now();
      const report = ({ report: { tools, resources, prompts }, skipped }: Outcome, error: string | null): RefreshReport => ({
        gatewayId: id,
        success: error === null,
        error,
        toolsAdded: tools.added,
        toolsUpdated: tools.updated,
        toolsRemoved: tools.removed,
        resourcesAdded: resources.added,
        resourcesUpdated: resources.updated,
        resourcesRemoved: resources.removed,
        promptsAdded: prompts.added,
        promptsUpdated: prompts.updated,
        promptsRemoved: prompts.removed,
        validationErrors: skipped.map(({ kind, name, reason }) => `${kind} ${name}: ${reason}`),
        durationMs: Math.round(performance.now() - startedAtMs),
        refreshedAt: new Date().toISOString(),
      });
      try {
        const outcome = await readAndWrite(id, caller);
        health.noteRead(id, 'ready');
        return report(outcome, null);
      } catch (error) {
        const known = toAppError(error);
        // What the upstream or its registration did wrong is a report, and no room for its process; the rest is an error of the request.
        const isFull = known.code === 'limit.processes';
        if (!known.code.startsWith('upstream.') && known.code !== 'config.invalid' && !isFull) throw error;
        if (!isFull) health.noteRead(id, known);
        await noteStale(id);
        return report({ report: NO_DIFFERENCE, skipped: [] }, known.message);
      } finally {
        running.delete(id);
      }
    },
  };
}

/** Nothing but the time is new: then nobody has to be told, and no tables are made anew. */
function saysNothingNew(row: GatewaysTable, columns: ReturnType<typeof readingColumns>): boolean {
  return (Object.keys(columns) as (keyof typeof columns)[]).every((column) => column === 'last_refresh_at' || row[column] === columns[column]);
}
