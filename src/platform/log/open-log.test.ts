import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AppError, Secret, type Logger } from '#base/kernel';
import { openLog } from './open-log.ts';

type Settings = Parameters<typeof openLog>[0];

function linesOf(settings: Partial<Settings>, use: (logger: Logger) => void): string[] {
  const lines: string[] = [];
  const log = openLog({ level: 'INFO', format: 'json', file: undefined, ...settings }, { write: (line) => void lines.push(line) });
  use(log.logger);
  log.close();
  return lines;
}

const fieldsOf = (fields: Record<string, unknown>) =>
  JSON.parse(linesOf({}, (logger) => logger.info('m', fields))[0] ?? '') as Record<string, unknown>;

describe('json', () => {
  it('a line is one JSON object with level, time and message', () => {
    const [line] = linesOf({}, (logger) => logger.warn('slow', { ms: 12 }));
    expect(JSON.parse(line ?? '')).toEqual({ level: 'WARNING', timestamp: expect.stringMatching(/^\d{4}-.*Z$/) as string, message: 'slow', ms: 12 });
  });

  it('less serious events than the level are not written', () => {
    const lines = linesOf({ level: 'WARNING' }, (logger) => {
      logger.debug('a');
      logger.info('b');
      logger.warn('c');
      logger.error('d');
    });
    expect(lines.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual(['c', 'd']);
    expect(linesOf({ level: 'CRITICAL' }, (logger) => logger.error('d'))).toEqual([]);
  });
});

describe('redaction', () => {
  it('hides values by the name of their key, however deep', () => {
    const line = JSON.stringify(
      fieldsOf({
        Authorization: 'x1x',
        headers: { 'set-cookie': ['x2x'], 'X-Api-Key': 'x3x' },
        list: [{ access_token: 'x4x' }],
        clientSecret: 'x5x',
        password: 'x6x',
        wrapped: new Secret('x7x'),
      }),
    );
    expect(line).not.toMatch(/x\dx/);
  });

  it('leaves what only sounds like a secret', () => {
    expect(fieldsOf({ tokenId: 'abc', tokens: 3, secretary: 'Kim', token: null })).toMatchObject({
      tokenId: 'abc',
      tokens: 3,
      secretary: 'Kim',
      token: null,
    });
  });

  it('hides credentials inside texts, messages and errors', () => {
    const [line] = linesOf({}, (logger) =>
      logger.error('sent Bearer abcdefghijkl', {
        url: 'http://kim:hidden@host/',
        error: new AppError('internal', 'm', { internal: 'Basic YWRtaW46Y2hhbmdlbWU=', cause: new Error('postgres://a:hidden@b') }),
      }),
    );
    expect(line).not.toMatch(/abcdefghijkl|hidden|YWRtaW46/);
    expect(line).toContain('"code":"internal"');
  });

  it('survives what cannot be written as JSON', () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    expect(fieldsOf({ circular, big: 10n ** 20n })).toMatchObject({ big: '100000000000000000000' });
  });
});

it('a text line is one line, whatever the message quotes', () => {
  const [line] = linesOf({ format: 'text' }, (logger) => logger.info('a\nFAKE \u001b[31mred\u009b', { name: 'two words', count: 2, id: 'x1' }));
  expect(line).toMatch(/^\d{4}-\S+Z INFO {5}a\\u000aFAKE \\u001b\[31mred\\u009b name="two words" count=2 id=x1\n$/);
});

it('lines are appended to LOG_FILE, whose folder is made', () => {
  const folder = mkdtempSync(join(tmpdir(), 'log-'));
  try {
    const file = join(folder, 'logs/gateway.log');
    for (const message of ['first', 'second']) {
      const log = openLog({ level: 'INFO', format: 'json', file });
      log.logger.info(message);
      log.close();
    }
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
