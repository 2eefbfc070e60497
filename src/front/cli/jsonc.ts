// JSON as people keep it in their editors' configuration: with comments and trailing commas. Both become blanks, so that lines and
// columns stay true, and the rest is left to JSON.parse. That says where a slip is for some slips only; here it is told for all.

export interface ParsedJsonc {
  readonly value: unknown;
  /** Keys that stand twice in one object; JSON.parse would silently take the last. */
  readonly repeated: readonly { readonly key: string; readonly line: number }[];
}

/** Throws SyntaxError with line and column. */
export function parseJsonc(source: string): ParsedJsonc {
  const text = source.replace(/^\ufeff/, ' ');
  const plain = blankComments(text);
  const { commas, repeated } = walk(plain);
  let strict = plain;
  for (const at of commas) strict = `${strict.slice(0, at)} ${strict.slice(at + 1)}`;
  try {
    return { value: JSON.parse(strict) as unknown, repeated };
  } catch (error) {
    throw new SyntaxError(slipIn(strict), { cause: error });
  }
}

const STRING_OR_COMMENT = /"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

function blankComments(text: string): string {
  return text.replace(STRING_OR_COMMENT, (found) => (found.startsWith('"') ? found : found.replace(/[^\n]/g, ' ')));
}

const TOKEN = /"(?:[^"\\\n]|\\.)*"|[{}[\],:]/g;

/** Finds commas right before a closing bracket, and keys that are there twice. */
function walk(text: string): { commas: number[]; repeated: { key: string; line: number }[] } {
  const commas: number[] = [];
  const repeated: { key: string; line: number }[] = [];
  const open: Set<string>[] = [];
  let last: { text: string; at: number; isAfterValue: boolean } | undefined;
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const token = match[0];
    // Anything else between two of these, a number or a slip, is a value.
    const hasValueBetween = text.slice(end, match.index).trim() !== '';
    const isAfterValue = hasValueBetween || (last !== undefined && /^["\]}]/.test(last.text));
    if (last?.text === ',' && last.isAfterValue && !hasValueBetween && (token === '}' || token === ']')) commas.push(last.at);
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':' && last?.text.startsWith('"') === true) {
      const keys = open.at(-1);
      if (keys?.has(last.text) === true) repeated.push({ key: last.text, line: text.slice(0, last.at).split('\n').length });
      keys?.add(last.text);
    }
    last = { text: token, at: match.index, isAfterValue };
    end = match.index + token.length;
  }
  return { commas, repeated };
}

const ANY_TOKEN = /"(?:[^"\\\n]|\\.)*"|[{}[\],:]|"[^\n]*|[^\s{}[\],:"]+/g;
const AFTER_VALUE = { '{': 'a comma or }', '[': 'a comma or ]', '': 'the end' } as const;

/** The first place at which a text is no JSON, in words. */
function slipIn(text: string): string {
  const open: ('{' | '[')[] = [];
  let wanted = 'a value';
  for (const match of text.matchAll(ANY_TOKEN)) {
    const token = match[0];
    const place = open.at(-1) ?? '';
    const isClosing = token === (place === '{' ? '}' : place === '[' ? ']' : undefined);
    if (isClosing && (wanted.includes(token) || wanted.startsWith('a comma'))) {
      open.pop();
      wanted = AFTER_VALUE[open.at(-1) ?? ''];
    } else if (wanted.startsWith('a value') && (token === '{' || token === '[')) {
      open.push(token);
      wanted = token === '{' ? 'a key or }' : 'a value or ]';
    } else if (wanted.startsWith('a value') && isScalar(token)) wanted = AFTER_VALUE[place];
    else if (wanted.startsWith('a key') && token.startsWith('"') && isScalar(token)) wanted = 'a colon';
    else if (wanted === 'a colon' && token === ':') wanted = 'a value';
    else if (wanted.startsWith('a comma') && token === ',') wanted = place === '{' ? 'a key' : 'a value';
    else {
      const lines = text.slice(0, match.index).split('\n');
      return `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}: ${token.slice(0, 20)} is there instead of ${wanted}`;
    }
  }
  return open.length === 0 ? 'it is empty' : `it ends where ${wanted} is missing`;
}

function isScalar(token: string): boolean {
  try {
    return typeof JSON.parse(token) !== 'object' || token === 'null';
  } catch {
    return false;
  }
}
