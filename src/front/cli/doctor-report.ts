// The findings of `mcpgateway doctor` as lines for people or as JSON for programs.
import { displayWidth, padEnd, wrap } from './display-width.ts';
import type { Check } from './doctor-checks.ts';
import type { Paint } from './paint.ts';

const WIDTH = 80;
const NAME_MAX = 24;
const STYLES = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

export function doctorText(checks: readonly Check[], paint: Paint): string {
  const nameWidth = Math.min(NAME_MAX, Math.max(...checks.map(({ name }) => displayWidth(name))));
  const failed = checks.filter(({ state }) => state === 'fail').length;
  const warned = checks.filter(({ state }) => state === 'warn').length;
  const sum = failed === 0 ? 'Nothing stands in the way' : failed === 1 ? '1 thing must be mended' : `${failed} things must be mended`;
  const more = warned === 0 ? '' : warned === 1 ? '; 1 warning' : `; ${warned} warnings`;
  return [...checks.flatMap((check) => linesOf(check, nameWidth, paint)), '', paint('bold', `${sum}${more}.`), ''].join('\n');
}

function linesOf({ name, state, detail, remedy }: Check, nameWidth: number, paint: Paint): string[] {
  const indent = ' '.repeat(6 + nameWidth + 2);
  const width = WIDTH - indent.length;
  const said = detail.split('\n').flatMap((line) => wrap(line, width));
  const todo = remedy === undefined ? [] : wrap(remedy, width - 2).map((line, index) => `${index === 0 ? '→' : ' '} ${line}`);
  const [first = '', ...rest] = [...said, ...todo];
  const head = `${paint(STYLES[state], padEnd(state, 4))}  ${padEnd(name, nameWidth)}  ${first}`;
  return [head, ...rest.map((line) => indent + line)];
}

export function doctorJson(checks: readonly Check[]): string {
  const shown = checks.map(({ name, state, detail, remedy }) => ({ name, state, detail, remedy: remedy ?? null }));
  return `${JSON.stringify({ ok: isWell(checks), checks: shown }, null, 2)}\n`;
}

export function isWell(checks: readonly Check[]): boolean {
  return checks.every(({ state }) => state !== 'fail');
}
