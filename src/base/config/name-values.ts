// `name=value,name=value` with percent-encoded values: how OpenTelemetry writes headers and attributes in one variable.

/** @returns undefined when an element has no name, no `=`, or is encoded wrongly */
export function textToNameValues(text: string): Readonly<Record<string, string>> | undefined {
  const found: Record<string, string> = {};
  for (const element of text.split(',')) {
    if (element.trim() === '') continue;
    const at = element.indexOf('=');
    const name = element.slice(0, Math.max(at, 0)).trim();
    if (name === '') return undefined;
    try {
      found[name] = decodeURIComponent(element.slice(at + 1).trim());
    } catch {
      return undefined;
    }
  }
  return found;
}
