// Secrets anybody could guess. The seeds' examples use such values; they may run on a developer's machine and nowhere else.

const KNOWN = new Set([
  'my-test-key',
  'my-test-salt',
  'changeme',
  'secret',
  'password',
  'test-secret',
  'my-secret',
  '12345678',
  'admin',
  'test',
  'letmein',
  'mysecretpassword',
]);
const SECRET_LENGTH_MIN = 32;
const SECRET_BITS_PER_CHARACTER_MIN = 3.5;
const PASSWORD_LENGTH_MIN = 12;

/** Why a signing or encryption secret is weak, without repeating it; undefined when it will do. */
export function weaknessOfSecret(value: string): string | undefined {
  const known = weaknessOfAny(value);
  if (known !== undefined) return known;
  if (value.length < SECRET_LENGTH_MIN) return `is shorter than ${SECRET_LENGTH_MIN} characters`;
  if (bitsPerCharacter(value) < SECRET_BITS_PER_CHARACTER_MIN) return 'repeats too few different characters';
  return undefined;
}

export function weaknessOfPassword(value: string): string | undefined {
  return weaknessOfAny(value) ?? (value.length < PASSWORD_LENGTH_MIN ? `is shorter than ${PASSWORD_LENGTH_MIN} characters` : undefined);
}

function weaknessOfAny(value: string): string | undefined {
  if (KNOWN.has(value.toLowerCase())) return 'is a well-known example value';
  if (value.startsWith('__REPLACE_ME__')) return 'is a placeholder';
  return undefined;
}

/** Shannon entropy of the value's own characters. */
function bitsPerCharacter(value: string): number {
  const counts = new Map<string, number>();
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length);
  return bits;
}
