// How one setting is described. Environment and .env give text, the YAML file gives values, so every schema here takes both; what
// people must know about a setting travels with its schema and feeds the fault report, the reference page and .env.example.
import { Secret } from '#base/kernel';
import { z } from 'zod';
import { textToBoolean, textToInteger, textToList } from './text-values.ts';

export interface SettingSpec {
  /** Environment variable; `<name>_FILE` names a file that holds the value. */
  readonly env: string;
  /** What it does, one or two sentences, for the reference page. */
  readonly description: string;
  /** What may be written, in words; made from the schema where that says enough. */
  readonly allowed: string;
  /** What applies when it is not set, where that is worked out instead of fixed. */
  readonly fallback?: string;
  readonly kind: 'text' | 'integer' | 'boolean' | 'list';
  /** Never printed. */
  readonly isSecret: boolean;
}

type Described = Pick<SettingSpec, 'env' | 'description'> & { readonly allowed?: string; readonly fallback?: string };

const specs = z.registry<SettingSpec>();

export function specOf(schema: z.ZodType): SettingSpec | undefined {
  return specs.get(schema);
}

function describe<S extends z.ZodType>(schema: S, spec: Omit<SettingSpec, 'fallback'> & { fallback?: string | undefined }): S {
  const { fallback, ...rest } = spec;
  specs.add(schema, fallback === undefined ? rest : { ...rest, fallback });
  return schema;
}

export function text(initial: string, spec: Described, schema: z.ZodType<string> = z.string()) {
  return describe(schema.default(initial), { allowed: 'text', ...spec, kind: 'text', isSecret: false });
}

export function optionalText(spec: Described, schema: z.ZodType<string> = z.string()) {
  return describe(schema.optional(), { allowed: 'text', ...spec, kind: 'text', isSecret: false });
}

export function choice<const V extends readonly [string, ...string[]]>(values: V, initial: V[number], spec: Described) {
  const fold = (input: unknown): unknown =>
    typeof input === 'string' ? (values.find((value) => value.toLowerCase() === input.toLowerCase()) ?? input) : input;
  // V[number] is a value of the enum, which the compiler cannot see for a V that is not known yet.
  return describe(z.preprocess(fold, z.enum(values)).default(initial as never), {
    allowed: values.join(', '),
    ...spec,
    kind: 'text',
    isSecret: false,
  });
}

export function integer(initial: number, bounds: { readonly min: number; readonly max: number }, spec: Described) {
  const schema = z.preprocess(textToInteger, z.int().min(bounds.min).max(bounds.max)).default(initial);
  return describe(schema, { allowed: `a whole number from ${bounds.min} to ${bounds.max}`, ...spec, kind: 'integer', isSecret: false });
}

export function flag(initial: boolean, spec: Described) {
  return describe(z.preprocess(textToBoolean, z.boolean()).default(initial), { allowed: 'true or false', ...spec, kind: 'boolean', isSecret: false });
}

/** A switch that decides for itself until somebody sets it; `fallback` says how. */
export function optionalFlag(spec: Described & { readonly fallback: string }) {
  return describe(z.preprocess(textToBoolean, z.boolean()).optional(), { allowed: 'true or false', ...spec, kind: 'boolean', isSecret: false });
}

export function list(initial: readonly string[], spec: Described, item: z.ZodType<string> = z.string()) {
  const schema = z.preprocess(textToList, z.array(item)).default([...initial]);
  return describe(schema, { allowed: 'a JSON array or a comma-separated list', ...spec, kind: 'list', isSecret: false });
}

export function optionalList(spec: Described & { readonly fallback: string }, item: z.ZodType<string> = z.string()) {
  return describe(z.preprocess(textToList, z.array(item)).optional(), {
    allowed: 'a JSON array or a comma-separated list',
    ...spec,
    kind: 'list',
    isSecret: false,
  });
}

export function secret(spec: Described) {
  const schema = z
    .string()
    .min(1)
    .transform((value) => new Secret(value))
    .optional();
  return describe(schema, { allowed: 'text that is not empty', ...spec, kind: 'text', isSecret: true });
}
