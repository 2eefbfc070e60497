import { describe, expect, it } from 'vitest';
import { parseDatabaseUrl } from './database-url.ts';

describe('parseDatabaseUrl', () => {
  it.each([
    ['sqlite:///./mcp.db', './mcp.db'],
    ['sqlite:///mcp.db', 'mcp.db'],
    ['sqlite:////var/lib/mcp.db', '/var/lib/mcp.db'],
    ['sqlite:///C:/data/mcp.db', 'C:/data/mcp.db'],
    ['sqlite:///./mcp.db?timeout=5', './mcp.db'],
  ])('%s is the file %s', (url, path) => {
    expect(parseDatabaseUrl(url)).toEqual({ path, isMemory: false });
  });

  it.each(['sqlite://', 'sqlite:///:memory:'])('%s is in memory', (url) => {
    expect(parseDatabaseUrl(url)).toEqual({ path: ':memory:', isMemory: true });
  });

  it.each(['postgresql://u:p@h/db', 'mysql+pymysql://h/db', 'sqlite:/x.db', './mcp.db', ''])(
    '"%s" is refused with the form to use and without a password',
    (url) => {
      expect(() => parseDatabaseUrl(url)).toThrow(
        expect.objectContaining({ code: 'config.invalid', message: expect.stringMatching(/sqlite:\/\/\/\.\/mcp\.db/) }),
      );
      expect(() => parseDatabaseUrl(url)).not.toThrow(/u:p/);
    },
  );
});
