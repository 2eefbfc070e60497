// What is logged, in which form and where to.
import { z } from 'zod';
import { choice, optionalText } from '../setting.ts';

export const logSection = z.strictObject({
  level: choice(['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'], 'INFO', { env: 'LOG_LEVEL', description: 'Least serious level that is logged.' }),
  format: choice(['json', 'text'], 'json', { env: 'LOG_FORMAT', description: 'Shape of a log line.' }),
  file: optionalText({
    env: 'LOG_FILE',
    description: 'File that log lines are appended to instead of standard error.',
    allowed: 'a path',
    fallback: 'standard error',
  }),
});
