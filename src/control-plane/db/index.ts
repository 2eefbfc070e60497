export { type ChangeListener } from './change-feed.ts';
export { createColumnCipher, type ColumnCipher } from './crypto-column.ts';
export { ConstraintError, isForeignKeyViolation, isUniqueViolation } from './database-errors.ts';
export { parseDatabaseUrl, type SqliteLocation } from './database-url.ts';
export { inspectDatabase, type DatabaseFacts } from './inspect-database.ts';
export { fromJsonColumn, toJsonColumn } from './json-column.ts';
export { openDatabase, type Database, type DatabaseOptions, type Db, type Tx } from './open-database.ts';
export {
  type AuditColumns,
  type ChangeCounterTable,
  type Flag,
  type GatewaysTable,
  type ItemsTable,
  type LimitColumns,
  type OwnershipColumns,
  type RevokedTokensTable,
  type ServerItemsTable,
  type ServersTable,
  type Tables,
} from './tables.ts';
