// The records' writer, in a thread of its own: neither its disk nor a question about a million rows holds up a call. It imports
// only node: modules and its neighbours, so that it starts the same from sources and from the build.
import { parentPort, workerData } from 'node:worker_threads';
import type { AuditFilter, AuditRow } from './audit-row.ts';
import type { ChangeRecord } from './change-row.ts';
import type { RecordShape } from './message-row.ts';
import { RecordFile, type RetentionOptions } from './record-file.ts';

export interface RecordWorkerData {
  readonly path: string;
  readonly shape: RecordShape;
  readonly textColumns: readonly string[];
  readonly retention: RetentionOptions;
}

export type RecordRequest =
  | { readonly kind: 'messages'; readonly count: number; readonly rows: Float64Array; readonly dictionary: readonly (readonly [number, string])[] }
  | { readonly kind: 'change'; readonly change: ChangeRecord }
  | { readonly kind: 'query'; readonly id: number; readonly filter: AuditFilter }
  | { readonly kind: 'flush' | 'close'; readonly id: number };

/** `written` answers every batch and change, in order; `lost` is the number of its records that could not be written. */
export type RecordReply =
  | { readonly kind: 'written'; readonly lost: number; readonly failure: string }
  | { readonly kind: 'answer'; readonly id: number; readonly rows: readonly AuditRow[] }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: string };

const { path, shape, textColumns, retention } = workerData as RecordWorkerData;
const file = new RecordFile(path, shape, textColumns, retention);

function reply(message: RecordReply): void {
  parentPort?.postMessage(message);
}

function write(count: number, append: () => void): void {
  try {
    append();
    reply({ kind: 'written', lost: 0, failure: '' });
  } catch (error) {
    reply({ kind: 'written', lost: count, failure: String(error) });
  }
}

function ask(id: number, rows: () => readonly AuditRow[]): void {
  try {
    reply({ kind: 'answer', id, rows: rows() });
  } catch (error) {
    reply({ kind: 'failed', id, failure: String(error) });
  }
}

parentPort?.on('message', (request: RecordRequest) => {
  switch (request.kind) {
    case 'messages':
      file.learn(request.dictionary);
      write(request.count, () => file.appendMessages(request.count, request.rows));
      break;
    case 'change':
      write(1, () => file.appendChange(request.change));
      break;
    case 'query':
      ask(request.id, () => file.query(request.filter));
      break;
    case 'flush':
      ask(request.id, () => []);
      break;
    case 'close':
      ask(request.id, () => {
        file.close();
        return [];
      });
      parentPort?.close();
  }
});
