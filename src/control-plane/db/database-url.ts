// DATABASE_URL as the seeds write it (SQLAlchemy's form): three slashes and a relative path, four and an absolute one.
import { AppError } from '#base/kernel';

export interface SqliteLocation {
  /** A file path, relative to the working directory unless absolute; or ':memory:'. */
  readonly path: string;
  readonly isMemory: boolean;
}

/**
 * `sqlite:///./mcp.db`, `sqlite:////var/lib/mcp.db`, `sqlite:///C:/mcp.db`, `sqlite:///:memory:` or `sqlite://`.
 * Throws AppError `config.invalid` for any other scheme.
 */
export function parseDatabaseUrl(url: string): SqliteLocation {
  const match = /^sqlite:\/\/(?:\/([^?#]*))?(?:\?.*)?$/.exec(url);
  if (match === null) {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1];
    const seen = scheme === undefined || scheme === 'sqlite' ? 'it is not such a URL' : `"${scheme}" databases are not supported`;
    throw new AppError('config.invalid', `DATABASE_URL must look like sqlite:///./mcp.db or sqlite:////absolute/path.db; ${seen}.`);
  }
  const path = match[1] ?? '';
  const isMemory = path === '' || path === ':memory:';
  return { path: isMemory ? ':memory:' : path, isMemory };
}
