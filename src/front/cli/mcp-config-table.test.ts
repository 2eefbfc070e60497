import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { displayWidth, fit, oneLine, wrap } from './display-width.ts';
import type { ServerOutcome } from './mcp-config-apply.ts';
import { serverTable } from './mcp-config-table.ts';
import { painter } from './paint.ts';

const ready: ServerOutcome = {
  label: 'everything',
  state: 'ready',
  transport: 'STDIO',
  counts: { tools: 13, resources: 100, prompts: 4 },
  reason: undefined,
  remedy: undefined,
};
const failing: ServerOutcome = {
  label: '東京 server',
  state: 'failing',
  transport: 'STREAMABLEHTTP',
  counts: undefined,
  reason: 'It said \u001b[31m“no”\u001b[0m\nand went on saying so for much longer than a line of a terminal is wide.',
  remedy: 'Look at its log.',
};

it('columns stand below each other in any script, and who fails says why and what to do', () => {
  expect(
    serverTable('MCP servers of mcp.json', [ready, failing, { ...ready, label: 'x', state: 'needs_auth', transport: 'SSE' }], painter(false)),
  ).toBe(
    `MCP servers of mcp.json

  NAME         TRANSPORT  STATE       TOOLS  RESOURCES  PROMPTS
  everything   stdio      ready          13        100        4
  東京 server  HTTP       failing         –          –        –
      It said “no” and went on saying so for much longer than a line of a
      terminal is wide.
      → Look at its log.
  x            HTTP+SSE   needs auth     13        100        4
`,
  );
});

it('no line is wider than 80 columns, whatever a server is called', () => {
  const long = { ...failing, label: '長い名前'.repeat(30), reason: 'word '.repeat(100) };
  for (const line of serverTable('t', [ready, long], painter(false)).split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(80);
});

it('colour changes nothing but the colour', () => {
  const coloured = serverTable('t', [ready, failing], painter(true));
  expect(coloured).toContain('\u001b[32mready');
  expect(stripVTControlCharacters(coloured)).toBe(serverTable('t', [ready, failing], painter(false)));
});

it('widths are those of a terminal', () => {
  expect(['abc', '東京', '👍', 'e\u0301', '한글', 'ｆ', ''].map(displayWidth)).toEqual([3, 4, 2, 1, 4, 2, 0]);
  expect(fit('東京東京', 5)).toBe('東京…');
  expect(wrap('aa bb cc', 5)).toEqual(['aa bb', 'cc']);
  expect(oneLine('a\u001b]0;title\u0007b\r\nc\u202ed')).toBe('ab c\ufffdd');
});
