// What became of the servers in an mcp.json, at a glance: one line each, and below those that fail why and what to do.
import { displayWidth, fit, oneLine, padEnd, padStart, wrap } from './display-width.ts';
import type { ServerOutcome } from './mcp-config-apply.ts';
import type { Paint, Style } from './paint.ts';

const WIDTH = 80;
const NAME_MAX = 28;
const TRANSPORTS = { STDIO: 'stdio', SSE: 'HTTP+SSE', STREAMABLEHTTP: 'HTTP' } as const;
const STATES: Readonly<Record<ServerOutcome['state'], readonly [words: string, style: Style]>> = {
  ready: ['ready', 'green'],
  needs_auth: ['needs auth', 'yellow'],
  failing: ['failing', 'red'],
  not_saved: ['not saved', 'red'],
  off: ['off', 'dim'],
  removed: ['removed', 'dim'],
};
const COLUMNS = ['TOOLS', 'RESOURCES', 'PROMPTS'] as const;

/** @param title the line above it */
export function serverTable(title: string, outcomes: readonly ServerOutcome[], paint: Paint): string {
  const nameWidth = Math.max(4, ...outcomes.map(({ label }) => displayWidth(fit(oneLine(label), NAME_MAX))));
  const head = `  ${padEnd('NAME', nameWidth)}  ${padEnd('TRANSPORT', 9)}  ${padEnd('STATE', 10)}  ${COLUMNS.join('  ')}`;
  return [paint('bold', title), '', paint('dim', head), ...outcomes.flatMap((outcome) => rowOf(outcome, nameWidth, paint)), ''].join('\n');
}

function rowOf({ label, transport, state, counts, reason, remedy }: ServerOutcome, nameWidth: number, paint: Paint): string[] {
  const [words, style] = STATES[state];
  const numbers = [counts?.tools, counts?.resources, counts?.prompts].map((count, index) =>
    padStart(count === undefined ? '–' : String(count), (COLUMNS[index] ?? '').length),
  );
  const where = transport === undefined ? '–' : TRANSPORTS[transport];
  const line = `  ${padEnd(fit(oneLine(label), NAME_MAX), nameWidth)}  ${padEnd(where, 9)}  ${paint(style, padEnd(words, 10))}  ${numbers.join('  ')}`;
  if (state === 'ready') return [line];
  const indent = '      ';
  return [
    line,
    ...(reason === undefined ? [] : wrap(reason, WIDTH - indent.length).map((text) => `${indent}${text}`)),
    ...(remedy === undefined ? [] : wrap(remedy, WIDTH - indent.length - 2).map((text, index) => `${indent}${index === 0 ? '→' : ' '} ${text}`)),
  ];
}
