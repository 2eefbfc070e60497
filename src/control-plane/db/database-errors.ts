// What the database can say, sorted by who has to act: a constraint is the service's to word, an unreachable, full or locked
// file is the operator's (503, nothing changed), anything else is a defect of ours.
import { AppError } from '#base/kernel';

/** A statement was refused by a constraint; services turn it into the noun's own conflict. */
export class ConstraintError extends Error {
  readonly constraint: 'unique' | 'foreign_key' | 'other';

  constructor(constraint: 'unique' | 'foreign_key' | 'other', message: string) {
    super(message);
    this.name = 'ConstraintError';
    this.constraint = constraint;
  }
}

export function isUniqueViolation(error: unknown): boolean {
  return error instanceof ConstraintError && error.constraint === 'unique';
}

export function isForeignKeyViolation(error: unknown): boolean {
  return error instanceof ConstraintError && error.constraint === 'foreign_key';
}

const CONSTRAINT = 19;
const UNIQUE = new Set([2067, 1555]);
const FOREIGN_KEY = new Set([787, 1811]);
/** PERM, BUSY, LOCKED, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB (sqlite.org/rescode.html). */
const UNAVAILABLE = new Set([3, 5, 6, 8, 10, 11, 13, 14, 15, 26]);

export function unavailable(internal: string): AppError {
  return new AppError('database.unavailable', 'The database did not answer; nothing was changed.', { internal });
}

/** @param resultCode SQLite's extended result code, or undefined when the failure was not SQLite's */
export function databaseError(resultCode: number | undefined, message: string): Error {
  if (resultCode === undefined) return new Error(message);
  const primary = resultCode & 0xff;
  if (primary === CONSTRAINT) {
    return new ConstraintError(UNIQUE.has(resultCode) ? 'unique' : FOREIGN_KEY.has(resultCode) ? 'foreign_key' : 'other', message);
  }
  return UNAVAILABLE.has(primary) ? unavailable(`SQLite ${resultCode}: ${message}`) : new Error(`SQLite ${resultCode}: ${message}`);
}
