// Keeps secrets out of the log even where a room forgot: values are hidden by the name of their key, credentials inside texts by
// their shape.

const SECRET_ENDINGS = [
  'authorization',
  'token',
  'secret',
  'password',
  'passwd',
  'passphrase',
  'cookie',
  'apikey',
  'secretkey',
  'privatekey',
  'credentials',
];
const HIDDEN = '***';
const DEPTH_MAX = 6;

/** `accessToken`, `X-Api-Key` and `set-cookie` are secret; `tokenId` and `tokens` are not. */
function isSecretKey(key: string): boolean {
  const bare = key.replace(/[-_.]/g, '').toLowerCase();
  return SECRET_ENDINGS.some((ending) => bare.endsWith(ending));
}

/** A copy that may be written to the log. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= DEPTH_MAX) return '[…]';
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  if (value instanceof Error) return redactError(value, depth);
  if ('toJSON' in value && typeof value.toJSON === 'function') return redact(value.toJSON() as unknown, depth + 1);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, isSecretKey(key) && inner !== undefined && inner !== null ? HIDDEN : redact(inner, depth + 1)]),
  );
}

export function redactText(text: string): string {
  return text.replace(/\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${HIDDEN}`).replace(/(\w:\/\/)[^/@\s]+@/g, `$1${HIDDEN}@`);
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const own = redact(Object.fromEntries(Object.entries(error)), depth + 1) as Record<string, unknown>;
  return { name, message: redactText(message), ...own, stack: stack === undefined ? undefined : redactText(stack), cause: redact(cause, depth + 1) };
}
