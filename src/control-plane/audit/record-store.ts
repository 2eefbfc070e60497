// Records are written behind: the caller hands over a batch and goes on. When the writer falls behind, batches are dropped and
// counted, because memory is worth more than the trail of an overload.
import { Worker } from 'node:worker_threads';
import { AppError, silentLogger, type Logger } from '#base/kernel';
import type { ChangeRecorder } from '#control-plane/http-contract';
import type { RECORD_COLUMNS, RecordBatch, RecordSink } from '#data-plane/gateway';
import type { AuditFilter, AuditRow } from './audit-row.ts';
import type { RecordShape } from './message-row.ts';
import type { RecordReply, RecordRequest, RecordWorkerData } from './record-worker.ts';

export interface RecordStoreOptions {
  /** A file of its own, see recordsPath; ':memory:' in tests. */
  readonly path: string;
  /** RECORD_COLUMNS, RECORD_DIRECTIONS and RECORD_OUTCOMES of the gateway, which the control plane knows by type only. */
  readonly shape: RecordShape;
  readonly log?: Logger;
  /** Batches and changes that may wait to be written; more are dropped and counted. */
  readonly queueMax?: number;
  readonly rowsMax?: number;
  readonly ageMaxDays?: number;
}

export interface RecordStore {
  readonly sink: RecordSink;
  readonly recordChange: ChangeRecorder;
  /** Resolves when everything handed over before is written. */
  flush(): Promise<void>;
  /** Newest first. Sees everything handed over before. Throws AppError `database.unavailable`. */
  query(filter: AuditFilter): Promise<readonly AuditRow[]>;
  /** Records lost since start: the queue was full, or the file could not be written. */
  dropped(): number;
  /** Writes what is waiting, then closes. */
  close(): Promise<void>;
}

const QUEUE_MAX = 256;
const ROWS_MAX = 1_000_000;
const AGE_MAX_DAYS = 90;
const DAY_MS = 86_400_000;
/** The columns that are dictionary numbers (call-record.ts). */
const TEXT_COLUMNS = [
  'method',
  'target',
  'errorCode',
  'serverId',
  'upstreamId',
  'userEmail',
  'tokenId',
  'clientAddress',
] as const satisfies readonly (typeof RECORD_COLUMNS)[number][];

/** Throws AppError `database.unavailable` when the file cannot be opened. */
export async function openRecordStore(options: RecordStoreOptions): Promise<RecordStore> {
  const store = new WorkerRecordStore(options);
  await store.flush();
  return store;
}

/** `data/mcp.db` keeps its records in `data/mcp.records.db`; a database in memory keeps them in memory. */
export function recordsPath(databasePath: string): string {
  return databasePath === ':memory:' ? databasePath : `${databasePath.replace(/\.db$/, '')}.records.db`;
}

class WorkerRecordStore implements RecordStore {
  readonly #worker: Worker;
  readonly #log: Logger;
  readonly #queueMax: number;
  readonly #asked = new Map<number, { resolve: (rows: readonly AuditRow[]) => void; reject: (error: Error) => void }>();
  /** Texts of dropped batches: later batches count on them. */
  #owedTexts: (readonly [number, string])[] = [];
  #waiting = 0;
  #dropped = 0;
  #lastId = 0;
  #isFailing = false;
  #gone: AppError | undefined;

  constructor(options: RecordStoreOptions) {
    this.#log = options.log ?? silentLogger;
    this.#queueMax = options.queueMax ?? QUEUE_MAX;
    const data: RecordWorkerData = {
      path: options.path,
      shape: options.shape,
      textColumns: TEXT_COLUMNS,
      retention: { rowsMax: options.rowsMax ?? ROWS_MAX, ageMaxMs: (options.ageMaxDays ?? AGE_MAX_DAYS) * DAY_MS },
    };
    const file = import.meta.url.endsWith('.ts') ? './record-worker.ts' : './record-worker.js';
    this.#worker = new Worker(new URL(file, import.meta.url), { execArgv: [], workerData: data });
    this.#worker.on('message', (reply: RecordReply) => this.#receive(reply));
    this.#worker.on('error', (error) => this.#fail(String(error)));
    this.#worker.on('exit', () => this.#fail('the record writer has ended'));
  }

  readonly sink: RecordSink = { write: (batch) => this.#write(batch) };

  readonly recordChange: ChangeRecorder = ({ caller, ...fact }) => {
    if (!this.#hasRoom(1)) return;
    const { principal, clientAddress, correlationId } = caller;
    const change = { ...fact, userEmail: principal.email, tokenId: principal.tokenId ?? '', clientAddress, correlationId };
    this.#post({ kind: 'change', change });
  };

  async flush(): Promise<void> {
    await this.#ask((id) => ({ kind: 'flush', id }));
  }

  query(filter: AuditFilter): Promise<readonly AuditRow[]> {
    return this.#ask((id) => ({ kind: 'query', id, filter }));
  }

  dropped(): number {
    return this.#dropped;
  }

  async close(): Promise<void> {
    if (this.#gone !== undefined) return;
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
    await this.#ask((id) => ({ kind: 'close', id }));
    await ended;
  }

  #write(batch: RecordBatch): void {
    if (batch.dictionary.length > 0) this.#owedTexts.push(...batch.dictionary);
    if (!this.#hasRoom(batch.count)) return;
    const dictionary = this.#owedTexts;
    this.#owedTexts = [];
    this.#post({ kind: 'messages', count: batch.count, rows: batch.rows, dictionary }, [batch.rows.buffer]);
  }

  #hasRoom(count: number): boolean {
    if (this.#gone === undefined && this.#waiting < this.#queueMax) return true;
    if (this.#dropped === 0) this.#log.warn('Call records are being dropped: their writer does not keep up.', { waiting: this.#waiting });
    this.#dropped += count;
    return false;
  }

  #post(request: RecordRequest, transfer: ArrayBuffer[] = []): void {
    this.#waiting++;
    this.#worker.postMessage(request, transfer);
  }

  #ask(request: (id: number) => RecordRequest): Promise<readonly AuditRow[]> {
    return new Promise((resolve, reject) => {
      if (this.#gone !== undefined) {
        reject(this.#gone);
        return;
      }
      const id = ++this.#lastId;
      this.#asked.set(id, { resolve, reject });
      this.#worker.postMessage(request(id));
    });
  }

  #receive(reply: RecordReply): void {
    if (reply.kind === 'written') {
      this.#waiting--;
      this.#dropped += reply.lost;
      const isFailing = reply.lost > 0;
      if (isFailing && !this.#isFailing) this.#log.error('Call records cannot be written and are lost.', { failure: reply.failure });
      this.#isFailing = isFailing;
      return;
    }
    const asked = this.#asked.get(reply.id);
    this.#asked.delete(reply.id);
    if (reply.kind === 'answer') asked?.resolve(reply.rows);
    else asked?.reject(unavailable(reply.failure));
  }

  #fail(reason: string): void {
    this.#gone ??= unavailable(reason);
    for (const asked of this.#asked.values()) asked.reject(this.#gone);
    this.#asked.clear();
  }
}

function unavailable(internal: string): AppError {
  return new AppError('database.unavailable', 'The audit trail did not answer.', { internal });
}
