// The log port on pino. Lines go to standard error, so that standard output stays free for what commands print.
import pino from 'pino';
import type { Config } from '#base/config';
import type { LogFields, Logger } from '#base/kernel';
import { redact, redactText } from './redact.ts';
import { textLine } from './text-line.ts';

/** What pino writes to; a test hands in its own. */
export interface LogDestination {
  write(line: string): void;
}

export interface OpenLog {
  readonly logger: Logger;
  /** Writes out what is buffered and lets go of the file. */
  close(): void;
}

const PINO_LEVELS = { DEBUG: 'debug', INFO: 'info', WARNING: 'warn', ERROR: 'error', CRITICAL: 'fatal' } as const;
const SHOWN_LEVELS: Readonly<Record<string, string>> = { debug: 'DEBUG', info: 'INFO', warn: 'WARNING', error: 'ERROR', fatal: 'CRITICAL' };

/** Throws what opening LOG_FILE throws. */
export function openLog(settings: Pick<Config['log'], 'level' | 'format' | 'file'>, destination?: LogDestination): OpenLog {
  const target = destination ?? openDestination(settings.file);
  const sink: LogDestination = settings.format === 'text' ? { write: (line) => target.write(textLine(line)) } : target;
  const log = pino(
    {
      level: PINO_LEVELS[settings.level],
      base: null,
      messageKey: 'message',
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: SHOWN_LEVELS[label] ?? label }) },
    },
    sink,
  );
  const write = (level: 'debug' | 'info' | 'warn' | 'error', message: string, fields: LogFields | undefined): void => {
    if (!log.isLevelEnabled(level)) return;
    if (fields === undefined) log[level](redactText(message));
    else log[level](redact(fields) as object, redactText(message));
  };
  return {
    logger: {
      debug: (message, fields) => write('debug', message, fields),
      info: (message, fields) => write('info', message, fields),
      warn: (message, fields) => write('warn', message, fields),
      error: (message, fields) => write('error', message, fields),
    },
    close() {
      if ('end' in target && 'flushSync' in target) {
        (target as ReturnType<typeof openDestination>).flushSync();
        if (settings.file !== undefined) (target as ReturnType<typeof openDestination>).end();
      }
    },
  };
}

function openDestination(file: string | undefined) {
  return pino.destination({ dest: file ?? 2, append: true, mkdir: true, sync: true });
}
