// Whom an update of a resource is for.

/** Is this the resource itself, or a part of it? An update may be of a part of what was subscribed to (MCP "Resources": a sub-resource). */
export function isPartOf(uri: string, whole: string): boolean {
  if (uri === whole) return true;
  return whole !== '' && uri.startsWith(whole) && /[/?#]/.test(whole.slice(-1) + uri.charAt(whole.length));
}
