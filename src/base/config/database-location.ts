// The file behind DATABASE_URL, which the secrets file lies beside.

/** A path as written in a `sqlite:` URL, or ':memory:'; undefined when it is no such URL. */
export function sqlitePath(url: string): string | undefined {
  const match = /^sqlite:\/\/(?:\/([^?#]*))?(?:\?.*)?$/.exec(url);
  if (match === null) return undefined;
  return match[1] === undefined || match[1] === '' ? ':memory:' : match[1];
}
