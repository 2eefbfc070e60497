// What people write in an environment variable, read as the seeds' rules say (booleans in four spellings, lists as JSON or
// comma-separated). Anything else is handed on unchanged, so that the schema refuses it with the setting's own words.

export function textToBoolean(input: unknown): unknown {
  if (typeof input !== 'string') return input;
  const word = input.trim().toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(word)) return true;
  if (['false', '0', 'no', 'off'].includes(word)) return false;
  return input;
}

export function textToInteger(input: unknown): unknown {
  return typeof input === 'string' && /^\s*[+-]?\d{1,15}\s*$/.test(input) ? Number(input) : input;
}

/** One pair of outer quotes is dropped, because container env files keep them; blank items are dropped too. */
export function textToList(input: unknown): unknown {
  if (typeof input !== 'string') return input;
  const bare = /^\s*(["'])(.*)\1\s*$/s.exec(input)?.[2] ?? input;
  if (bare.trim().startsWith('[')) {
    try {
      return JSON.parse(bare) as unknown;
    } catch {
      return input;
    }
  }
  return bare
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
