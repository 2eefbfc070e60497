// The whole configuration as one schema, and the flat list of its settings.
import { z } from 'zod';
import { appSection } from './sections/app.ts';
import { authSection } from './sections/auth.ts';
import { databaseSection } from './sections/database.ts';
import { httpSection } from './sections/http.ts';
import { jwtSection } from './sections/jwt.ts';
import { logSection } from './sections/log.ts';
import { pagingSection } from './sections/paging.ts';
import { ssrfSection } from './sections/ssrf.ts';
import { stdioSection } from './sections/stdio.ts';
import { tracingSection } from './sections/tracing.ts';
import { upstreamSection } from './sections/upstream.ts';
import { specOf, type SettingSpec } from './setting.ts';

export const configSchema = z.strictObject({
  app: appSection,
  http: httpSection,
  database: databaseSection,
  log: logSection,
  auth: authSection,
  jwt: jwtSection,
  ssrf: ssrfSection,
  upstream: upstreamSection,
  stdio: stdioSection,
  paging: pagingSection,
  tracing: tracingSection,
});

export type ParsedConfig = z.output<typeof configSchema>;
export type SectionName = keyof ParsedConfig;

export interface Setting extends SettingSpec {
  readonly section: SectionName;
  /** Key inside the section of the YAML file and of `Config`. */
  readonly key: string;
  /** Value when nobody sets it; undefined when it is worked out or absent. */
  readonly initial: unknown;
}

const defaults = configSchema.parse(Object.fromEntries(Object.keys(configSchema.shape).map((name) => [name, {}])));

export const SETTINGS: readonly Setting[] = Object.entries(configSchema.shape).flatMap(([section, schema]) =>
  Object.entries(schema.shape as Record<string, z.ZodType>).map(([key, leaf]) => {
    const spec = specOf(leaf);
    if (spec === undefined) throw new Error(`${section}.${key} is not described`);
    return { ...spec, section: section as SectionName, key, initial: (defaults[section as SectionName] as Record<string, unknown>)[key] };
  }),
);

export const SETTING_BY_ENV: ReadonlyMap<string, Setting> = new Map(SETTINGS.map((setting) => [setting.env, setting]));
