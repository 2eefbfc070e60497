// Does a URI belong to a URI template (RFC 6570)? An expression stands for any text of at least one character; operators only say how it
// is written. Expanding is the client's business.

export type UriMatcher = (uri: string) => boolean;

const EXPRESSION = /\{([+#./;?&]?)[^{}]*\}/g;
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

/** Greedy from the left, literal by literal: linear in the URI for each literal, whatever the template. */
function isMatch(uri: string, literals: readonly string[], operators: readonly string[]): boolean {
  const [first = ''] = literals;
  if (!uri.startsWith(first)) return false;
  let at = first.length;
  for (let index = 0; index < operators.length; index++) {
    const literal = literals[index + 1] ?? '';
    const isLast = index === operators.length - 1;
    const isOptional = operators[index] === '?' || operators[index] === '&' || operators[index] === '#';
    const from = at + (isOptional ? 0 : 1);
    const end = isLast ? (literal === '' ? uri.length : uri.length - literal.length) : uri.indexOf(literal === '' ? '\0' : literal, from);
    const reached = !isLast && literal === '' ? from : end;
    if (reached < from || (isLast && !uri.endsWith(literal))) return false;
    // A plain expression stands for one segment of the path.
    if (operators[index] === '' && uri.slice(at, reached).includes('/')) return false;
    at = reached + literal.length;
  }
  return at === uri.length;
}
