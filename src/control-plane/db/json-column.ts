// Lists and objects live in text columns; every database can hold them, and none of our queries looks inside.

/** The text to store; `undefined` becomes NULL. */
export function toJsonColumn(value: {} | null): string;
export function toJsonColumn(value: unknown): string | null;
export function toJsonColumn(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

/** The value of a stored text; NULL gives `fallback`. The text is our own, so its shape is trusted. */
export function fromJsonColumn<T>(text: string | null, fallback: T): T {
  return text === null ? fallback : (JSON.parse(text) as T);
}
