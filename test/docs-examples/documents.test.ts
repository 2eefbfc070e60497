// What can be checked of the documents without running anything; test/e2e/docs-examples.test.ts runs their commands.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDocuments, ROOT, type Document } from './documents.ts';

const documents = readDocuments();

describe.each(documents.map((document) => [document.path, document] as const))('%s', (_path, document) => {
  it('has only commands that are run, or that say why not', () => {
    const unmarked = document.blocks
      .filter((block) => ['sh', 'bash', 'shell', 'console', 'ts', 'js', 'python', ''].includes(block.language))
      .filter((block) => !['sh', 'ts'].includes(block.language) || !/^(run|not-run: \S.{5,})$/.test(block.marker))
      .filter((block) => !(block.language === '' && isDrawing(block.code)));
    expect(unmarked.map((block) => `${document.path}:${block.line}`)).toEqual([]);
  });

  it('has only JSON that is JSON', () => {
    for (const block of document.blocks.filter(({ language }) => language === 'json'))
      expect(() => JSON.parse(block.code) as unknown, block.code).not.toThrow();
  });

  it('links only to what is there', () => {
    expect(brokenLinks(document)).toEqual([]);
  });
});

/** Floor plans are drawings, not commands. */
function isDrawing(code: string): boolean {
  return /[├└─▶│]/.test(code);
}

function brokenLinks({ path, text }: Document): string[] {
  const prose = text.replace(/^(`{3,})[\s\S]*?^\1$/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target as string)
    .filter((target) => !/^[a-z]+:/.test(target) && !isThere(path, target));
}

function isThere(from: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? from : normalize(join(dirname(from), file));
  if (!existsSync(join(ROOT, path))) return false;
  if (anchor === undefined || statSync(join(ROOT, path)).isDirectory()) return true;
  return readFileSync(join(ROOT, path), 'utf8')
    .split('\n')
    .some((line) => line.startsWith('#') && slug(line) === anchor);
}

/** As GitHub makes anchors of headings. */
function slug(heading: string): string {
  return heading
    .replace(/^#+\s+/, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}

describe('README.md', () => {
  const readme = documents.find(({ path }) => path === 'README.md') as Document;

  it('begins with the two commands of a newcomer', () => {
    const commands = readme.blocks.filter(({ language }) => language === 'sh').map(({ code }) => code);
    expect(commands.slice(0, 2)).toEqual(['npm ci && npm start', 'npm ci && npm test']);
  });

  it('can be read in a few minutes', () => {
    expect(readme.text.split('\n').length).toBeLessThanOrEqual(151);
  });

  it('leads to every page of the documentation', () => {
    const pages = documents.filter(({ path }) => path.startsWith('docs/') && !path.startsWith('docs/adr/')).map(({ path }) => path);
    expect(pages.filter((path) => !readme.text.includes(path))).toEqual([]);
  });
});

describe('docs/adr', () => {
  const records = documents.filter(({ path }) => path.startsWith('docs/adr/'));

  it('has records that are numbered without a gap, short, and in three parts', () => {
    expect(records.map(({ path }) => Number(path.slice('docs/adr/'.length, 'docs/adr/'.length + 4)))).toEqual(records.map((_, index) => index + 1));
    for (const { path, text } of records) {
      expect(text.split('\n').length, path).toBeLessThanOrEqual(61);
      expect(
        [...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title),
        path,
      ).toEqual(['Context', 'Decision', 'Consequences']);
    }
  });
});
