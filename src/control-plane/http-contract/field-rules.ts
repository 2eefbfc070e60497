// What the fields of all nouns have in common (api.md 1.11): values that would be dangerous to show or to send are refused where
// they come in, so that nobody further in has to think of them.
import { z } from 'zod';

const NAME = /^[a-zA-Z0-9_.\- ]+$/;
const MARKUP =
  /<\s*\/?\s*(script|iframe|object|embed|link|meta|form|img|svg|style|base|body|html|input|video|audio|math|template)\b|\bon[a-z]+\s*=|(java|vb)script:/i;
// C0 and C1 controls but tab and line breaks, zero-width and bidirectional marks: they show one text and hold another.
const INVISIBLE = /(?![\t\n\r])\p{Cc}|[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u;
const DESCRIPTION_CHARS_MAX = 8192;

/** Names of gateways and servers. */
export const entityName = z
  .string()
  .min(1, 'A name is needed.')
  .max(255)
  .regex(NAME, 'A name has letters, digits, blanks and the characters _ . - only.');

/** Cut, not refused, when too long: the contract's clients expect that. */
export const description = z
  .string()
  .refine((text) => !MARKUP.test(text), 'HTML and scripts are not taken here.')
  .refine((text) => !INVISIBLE.test(text), 'Control and invisible characters are not taken here.')
  .transform((text) => text.slice(0, DESCRIPTION_CHARS_MAX));

/** Names and titles that are shown to people: of any script, one line. */
export const displayText = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => !MARKUP.test(text), 'HTML and scripts are not taken here.')
  .refine((text) => !INVISIBLE.test(text) && !/[\t\n\r\u2028\u2029]/.test(text), 'Control and invisible characters are not taken here.');

/** An absolute http or https URL. Whether the gateway may connect there is the address guard's to say. */
export const httpUrl = z
  .string()
  .min(1)
  .max(2048)
  .refine((text) => !/[\s<>"'\\]/.test(text) && !INVISIBLE.test(text), 'A URL has no blanks, quotes or control characters.')
  .refine((text) => isHttpUrl(text), 'An absolute http or https URL is needed.')
  .refine((text) => !hasCredentials(text), 'Put credentials into the auth fields, not into the URL.');

/** An RFC 9110 field name, as the contract narrows it. */
export const headerName = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9-]+$/, 'A header name has letters, digits and - only.');

/** An RFC 9110 field value: no line breaks, no controls, Latin-1 at most. */
export const headerValue = z
  .string()
  .max(8192)
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'A header value has no line breaks or control characters.');

export const visibility = z.enum(['public', 'team', 'private']);

const positive = z.number().int().positive().max(1_000_000_000).nullable();

/**
 * `limits` as one object and as flat fields; null takes a limit away. A misspelt limit is refused, unlike other unknown fields:
 * dropped, it would look as if there was one.
 */
export const limitFields = {
  limits: z
    .strictObject({ callsPerMinute: positive.optional(), calls_per_minute: positive.optional(), concurrent: positive.optional() })
    .nullable()
    .optional(),
  callsPerMinute: positive.optional(),
  concurrent: positive.optional(),
};

interface LimitInput {
  readonly limits?:
    | { callsPerMinute?: number | null | undefined; calls_per_minute?: number | null | undefined; concurrent?: number | null | undefined }
    | null
    | undefined;
  readonly callsPerMinute?: number | null | undefined;
  readonly concurrent?: number | null | undefined;
}

/** The limits a body sets; a member that is undefined stays as it was. */
export function limitsFrom(input: LimitInput): { callsPerMinute: number | null | undefined; concurrent: number | null | undefined } {
  if (input.limits === null) return { callsPerMinute: null, concurrent: null };
  const given = input.limits;
  return {
    callsPerMinute:
      given?.callsPerMinute !== undefined
        ? given.callsPerMinute
        : given?.calls_per_minute !== undefined
          ? given.calls_per_minute
          : input.callsPerMinute,
    concurrent: given?.concurrent !== undefined ? given.concurrent : input.concurrent,
  };
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:\/\//i.test(text);
}

function hasCredentials(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return url.username !== '' || url.password !== '';
}
