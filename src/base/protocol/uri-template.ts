// Does a URI belong to a URI template (RFC 6570)? An expression stands for any text of at least one character; operators only say how it
// is written. Expanding is the client's business.

export type UriMatcher = (uri: string) => boolean;

const EXPRESSION = /\{([+#./;?&]?)[^{}]*\}/g;
const EXPRESSION_SPLIT = /\{[^{}]*\}/;
const TEMPLATE_CHARS_MAX = 2048;

export function matcherOf(template: string): UriMatcher {
  if (template.length > TEMPLATE_CHARS_MAX) return () => false;
  const literals: string[] = [];
  const operators: string[] = [];
  let from = 0;
  for (const match of template.matchAll(EXPRESSION)) {
    literals.push(template.slice(from, match.index));
    operators.push(match[1] ?? '');
    from = match.index + match[0].length;
  }
  literals.push(template.slice(from));
  return (uri) => isMatch(uri, literals, operators);
}

/**
 * Could any server read this URI as one of the template? Expressions stand for any text, none and slashes included: for what must not
 * be used, where the upstream's own reading may be wider than ours.
 */
export function wideMatcherOf(template: string): UriMatcher {
  const literals = template.split(EXPRESSION_SPLIT);
  const [first = ''] = literals;
  const last = literals.at(-1) ?? '';
  const between = literals.slice(1, -1);
  return (uri) => {
    if (literals.length === 1) return uri === first;
    if (!uri.startsWith(first) || !uri.endsWith(last)) return false;
    let at = first.length;
    for (const literal of between) {
      const found = uri.indexOf(literal, at);
      if (found === -1) return false;
      at = found + literal.length;
    }
    return at + last.length <= uri.length;
  };
}

/**
 * One spelling for URIs that servers may take for the same: as URL parsers write it (scheme and host in lower case, dot segments
 * resolved, no white space around or line breaks within), without percent-encoding. For comparing, never for sending.
 */
export function plainUri(uri: string): string {
  const href = URL.canParse(uri) ? new URL(uri).href : uri;
  try {
    return decodeURIComponent(href);
  } catch {
    return href;
  }
}

/**
 * Every way of dividing the URI is tried at once, place by place: linear in the URI for each expression, whatever the template.
 * `reached[at]`: all up to here can be what the template says up to its last literal seen.
 */
function isMatch(uri: string, literals: readonly string[], operators: readonly string[]): boolean {
  const [first = ''] = literals;
  if (!uri.startsWith(first) || !uri.endsWith(literals.at(-1) ?? '')) return false;
  let reached = new Uint8Array(uri.length + 1);
  reached[first.length] = 1;
  for (const [index, operator] of operators.entries()) {
    const literal = literals[index + 1] ?? '';
    const isOptional = operator === '?' || operator === '&' || operator === '#';
    const next = new Uint8Array(uri.length + 1);
    let isWithin = false;
    for (let at = 0; at + literal.length <= uri.length; at++) {
      // A plain expression stands for one segment of the path.
      isWithin = (isWithin || reached[at - 1] === 1) && (operator !== '' || uri[at - 1] !== '/');
      if (isOptional && reached[at] === 1) isWithin = true;
      if (isWithin && uri.startsWith(literal, at)) next[at + literal.length] = 1;
    }
    reached = next;
  }
  return reached[uri.length] === 1;
}
