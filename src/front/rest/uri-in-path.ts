// Resources are addressed by URI as well (api.md 2.5), and clients of the contract write it into the path as it is, slashes and all. Here
// it becomes one percent-encoded segment, before routes are looked for.
import type { IncomingMessage } from 'node:http';
import type { RouteSpec } from '#control-plane/http-contract';

const ID = /^[0-9a-f-]{32,36}(?:\/|$)/i;

/**
 * @returns what gives the URL to route by. With its colon written out the text is the URI itself, `%` and all; without, it is
 * percent-decoded as any path. A query is never part of it: `?` and `#` of a URI have to be encoded, and with them all of it.
 */
export function createUriRewriter(routes: readonly RouteSpec[]): (request: Pick<IncomingMessage, 'method' | 'url'>) => string {
  const takers = routes
    .filter(({ takesUri }) => takesUri === true)
    .map(({ method, path }) => {
      const [before = '', after = ''] = path.split(':id');
      return { method, before, after };
    })
    .toSorted((a, b) => b.after.length - a.after.length);
  const others = new Set(routes.filter(({ path }) => !path.includes(':')).map(({ method, path }) => `${method} ${path}`));

  return ({ method = 'GET', url = '/' }) => {
    const asked = method === 'HEAD' ? 'GET' : method;
    const [, version = '', path = '', query = ''] = /^(\/v1(?=\/))?([^?#]*)(.*)$/s.exec(url) ?? [];
    if (others.has(`${asked} ${path.replace(/\/$/, '')}`)) return url;
    for (const { method: taken, before, after } of takers) {
      if (taken !== asked || !path.startsWith(before)) continue;
      const rest = path.slice(before.length);
      const end = after === '' ? rest.length : rest.replace(/\/$/, '').length - after.length;
      if (end < 1 || (after !== '' && !rest.startsWith(after, end))) continue;
      const uri = readUri(rest.slice(0, end));
      return uri === undefined ? url : `${version}${before}${encodeURIComponent(uri)}${after}${query}`;
    }
    return url;
  };
}

/** @returns undefined for an id, and for what is one segment already */
function readUri(text: string): string | undefined {
  if (!text.slice(0, -1).includes('/') || ID.test(text)) return undefined;
  const hasScheme = /^[^/]*:/.test(text);
  try {
    const uri = hasScheme ? text : decodeURIComponent(text);
    return uri.isWellFormed() ? uri : undefined;
  } catch {
    return undefined;
  }
}
