// Where rows are kept.
import { z } from 'zod';
import { integer, text } from '../setting.ts';
import { sqlitePath } from '../database-location.ts';

export const databaseSection = z.strictObject({
  url: text(
    'sqlite:///./mcp.db',
    {
      env: 'DATABASE_URL',
      description: 'Where the database is. Generated secrets and call records are kept beside it.',
      allowed: 'sqlite:///./relative.db, sqlite:////absolute/path.db or sqlite:///:memory:',
    },
    z.string().refine((url) => sqlitePath(url) !== undefined),
  ),
  busyTimeoutMs: integer(
    5000,
    { min: 1000, max: 60_000 },
    { env: 'DB_SQLITE_BUSY_TIMEOUT', description: 'Milliseconds to wait for a lock that another process holds on the SQLite file.' },
  ),
});
