// A string somewhere in a message, decoded.
import { parsedJson, valueAt } from '#base/protocol';

/** Undefined when there is nothing at this path, or something else than a string. */
export function stringAt(text: string, path: readonly string[]): string | undefined {
  const value = valueAt(text, path);
  return value?.startsWith('"') === true ? (parsedJson(value) as string) : undefined;
}
