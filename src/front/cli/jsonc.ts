// JSON as people keep it in their editors' configuration: with comments and trailing commas. Both become blanks and the rest is
// left to JSON.parse, so that what it says about lines and columns is true of the file.

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
  return { value: JSON.parse(strict) as unknown, repeated };
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
  let last: { text: string; at: number } | undefined;
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const token = match[0];
    // Anything else between two of these, a number or a slip, is a value.
    const isAfterComma = last?.text === ',' && text.slice(end, match.index).trim() === '';
    if (isAfterComma && last !== undefined && (token === '}' || token === ']')) commas.push(last.at);
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':' && last?.text.startsWith('"') === true) {
      const keys = open.at(-1);
      if (keys?.has(last.text) === true) repeated.push({ key: last.text, line: text.slice(0, last.at).split('\n').length });
      keys?.add(last.text);
    }
    last = { text: token, at: match.index };
    end = match.index + token.length;
  }
  return { commas, repeated };
}
