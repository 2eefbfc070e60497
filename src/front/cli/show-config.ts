// `mcpgateway config`: what really applies, and where each value came from. Written as a .env file would be, so that a line can be
// copied; what must not be seen is ***.
import { SETTINGS, type LoadedConfig } from '#base/config';
import { oneLine } from './display-width.ts';
import type { Paint } from './paint.ts';

export interface ShownSetting {
  readonly name: string;
  readonly section: string;
  /** Key in its section of the YAML file. */
  readonly key: string;
  /** What applies; *** for a secret, null for nothing. */
  readonly value: unknown;
  readonly source: string;
  readonly from: string;
}

const COMMENT_COLUMN = 40;

/** @param onlyChanged leaves out what nobody set */
export function shownSettings({ config, origins }: LoadedConfig, onlyChanged: boolean): ShownSetting[] {
  return SETTINGS.flatMap(({ env, section, key, isSecret }) => {
    const origin = origins[env] ?? { source: 'default', from: 'default' };
    if (onlyChanged && (origin.source === 'default' || origin.source === 'generated')) return [];
    const value = (config[section] as Readonly<Record<string, unknown>>)[key];
    const shown = value === undefined ? null : isSecret ? '***' : withoutCredentials(value);
    return [{ name: env, section, key, value: shown, source: origin.source, from: origin.from }];
  });
}

export function settingsText(settings: readonly ShownSetting[], paint: Paint): string {
  const lines: string[] = [];
  let section = '';
  for (const { name, section: own, value, source, from } of settings) {
    if (own !== section) lines.push(...(section === '' ? [] : ['']), paint('bold', `# ${own}`));
    section = own;
    const assignment = value === null ? `# ${name} is not set` : `${name}=${asText(value)}`;
    const comment = source === from ? from : source === 'generated' ? `generated, ${from}` : from;
    lines.push(`${assignment.padEnd(COMMENT_COLUMN)} ${paint('dim', `# ${comment}`)}`);
  }
  return lines.length === 0 ? '# Nobody has set anything: the defaults apply.\n' : `${lines.join('\n')}\n`;
}

export function settingsJson(settings: readonly ShownSetting[]): string {
  return `${JSON.stringify(
    settings.map(({ name, section, key, value, source, from }) => ({ name, key: `${section}.${key}`, value, source, from })),
    null,
    2,
  )}\n`;
}

function asText(value: unknown): string {
  if (typeof value !== 'string') return Array.isArray(value) ? `'${JSON.stringify(value)}'` : String(value);
  const text = oneLine(value);
  return /[\s#'"$]/.test(text) ? JSON.stringify(text) : text;
}

function withoutCredentials(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/\/\/[^/@\s]*@/g, '//***@') : value;
}
