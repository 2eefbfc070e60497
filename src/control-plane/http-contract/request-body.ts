// Clients of every era send bodies: flat or wrapped, snake_case or camelCase. Here they become one flat camelCase object, so that
// schemas and services know one form (api.md 1.2, 1.3).

export interface NormalBody {
  readonly value: unknown;
  /** The client's own spelling of a field, for error messages. */
  readonly spelling: (field: string) => string;
}

/**
 * An object under `wrapper` is unwrapped; what stands beside it wins unless null. White space around strings is cut, but for
 * passwords, where it may be meant. Anything that is not an object comes back as it is, for the schema to refuse.
 */
export function normaliseBody(raw: unknown, wrapper?: string): NormalBody {
  if (!isObject(raw)) return { value: raw, spelling: (field) => field };
  const inner = wrapper === undefined ? undefined : raw[wrapper];
  const spellings = new Map<string, string>();
  const fields = new Map<string, unknown>();
  const take = (source: Record<string, unknown>, isOuter: boolean): void => {
    for (const [key, value] of Object.entries(source)) {
      if (isOuter && (key === wrapper || value === null)) continue;
      const name = camelCase(key);
      fields.set(name, name === 'authPassword' ? value : trimmed(value));
      spellings.set(name, key);
    }
  };
  if (isObject(inner)) {
    take(inner, false);
    take(raw, true);
  } else {
    take(raw, false);
  }
  return { value: Object.fromEntries(fields), spelling: (field) => spellings.get(field) ?? field };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function trimmed(value: unknown): unknown {
  return typeof value === 'string' ? value.trim() : value;
}

function camelCase(key: string): string {
  return key.replace(/_+([a-zA-Z0-9])/g, (whole, letter: string, at: number) => (at === 0 ? whole : letter.toUpperCase()));
}

/** `createdAt` → `created_at`, one level deep: the form of entities inside /state answers (api.md 1.5). */
export function snakeCaseKeys(entity: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entity).map(([key, value]) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]));
}
