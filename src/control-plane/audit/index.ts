export { auditRoutes, type AuditRoutesOptions } from './audit-routes.ts';
export { type AuditFilter, type AuditRow } from './audit-row.ts';
export { type RecordShape } from './message-row.ts';
export { openRecordStore, recordsPath, type RecordStore, type RecordStoreOptions } from './record-store.ts';
