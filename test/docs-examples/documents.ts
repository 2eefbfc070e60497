// Reads the documents for the tests that hold them to their word: which there are, and which blocks of code are in each.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Block {
  readonly language: string;
  /** What follows the language: `run`, `output`, `not-run: why`. */
  readonly marker: string;
  readonly code: string;
  /** Of the opening fence, counted from 1. */
  readonly line: number;
}

export interface Document {
  /** From the repository's root. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  /** `<!-- tested with: … -->`: settings of the gateway as NAME=VALUE, and `mirror` when the page begins with one there is. */
  readonly testedWith: readonly string[];
}

export function readDocuments(): Document[] {
  const top = readdirSync(ROOT).filter((name) => name.endsWith('.md'));
  const below = readdirSync(`${ROOT}/docs`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name.replaceAll('\\', '/')}`);
  return [...top, ...below].toSorted().map((path) => {
    const text = readFileSync(`${ROOT}/${path}`, 'utf8');
    const testedWith = /<!-- tested with: (.*?) -->/.exec(text)?.[1]?.split(' ') ?? [];
    return { path, text, blocks: blocksOf(text), testedWith };
  });
}

function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let open: { fence: string; language: string; marker: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (open !== undefined) {
      if (line.trim() === open.fence) {
        blocks.push({ language: open.language, marker: open.marker, line: open.line, code: open.lines.join('\n') });
        open = undefined;
      } else open.lines.push(line);
      continue;
    }
    const [, fence, language, marker] = /^\s*(`{3,}|~{3,})(\S*)\s*(.*)$/.exec(line) ?? [];
    if (fence !== undefined) open = { fence, language: language ?? '', marker: (marker ?? '').trim(), line: index + 1, lines: [] };
  }
  return blocks;
}
