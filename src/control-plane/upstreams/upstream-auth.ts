// Credentials for an upstream: taken from the contract's many fields, kept as one sealed value, shown only as a mask, and turned
// into header pairs where a connection is made (api.md 2.8.1).
import { z } from 'zod';
import { AppError } from '#base/kernel';
import { headerName, headerValue } from '#control-plane/http-contract';

export type AuthSecret =
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  | { readonly type: 'bearer'; readonly token: string }
  | { readonly type: 'authheaders'; readonly headers: readonly { readonly key: string; readonly value: string }[] };

/** What the contract's clients send back, whatever this installation shows. */
const MASK = /^\*{3,}$/;

/** @param mask what stands for a secret in answers, MASKED_AUTH_VALUE */
export function isMaskOf(mask: string): (value: string) => boolean {
  return (value) => value === mask || MASK.test(value);
}

// The gateway writes these itself, or they would change what the message means to the upstream.
const OWN_HEADERS = new Set([
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'accept',
  'accept-encoding',
  'last-event-id',
]);
const NOT_SUPPORTED = new Set(['oauth', 'query_param', 'one_time_auth']);

const credentialHeader = headerName.refine((name) => !isOwnHeader(name), 'This header is set by the gateway itself.');
const text = headerValue.nullable().optional();

export const authFields = {
  authType: z
    .string()
    .nullable()
    .transform((type) => (type ?? '').toLowerCase())
    .refine((type) => !NOT_SUPPORTED.has(type), 'auth_type oauth, query_param and one_time_auth are not supported by this version.')
    .transform((type) => (type === 'none' ? '' : type === 'headers' ? 'authheaders' : type))
    .pipe(z.enum(['', 'basic', 'bearer', 'authheaders']))
    .optional()
    .describe('basic, bearer, authheaders, or none.'),
  authUsername: z
    .string()
    .max(1024)
    .regex(/^[^:\p{Cc}]*$/u, 'A user name for Basic has no colon and no control characters.')
    .nullable()
    .optional(),
  authPassword: z.string().max(8192).nullable().optional(),
  authToken: text,
  authHeaderKey: credentialHeader.nullable().optional(),
  authHeaderValue: text,
  authHeaders: z
    .array(z.object({ key: credentialHeader, value: headerValue }))
    .max(100)
    .nullable()
    .optional(),
};

const input = z.object(authFields);
export type AuthInput = z.output<typeof input>;

export function isOwnHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return OWN_HEADERS.has(lower) || lower.startsWith('mcp-') || lower.startsWith('proxy-');
}

/**
 * The credentials a body asks for: undefined when it says nothing about them, null when it takes them away. A value that is the
 * mask keeps what is stored. Throws AppError `request.bad_input` naming the field.
 * @param mask what stands for a secret in answers, MASKED_AUTH_VALUE
 */
export function readAuth(body: AuthInput, stored: AuthSecret | null, mask: string): AuthSecret | null | undefined {
  const needed = neededBehind(isMaskOf(mask));
  if (body.authType === '') return null;
  const type = body.authType ?? stored?.type;
  if (body.authType === undefined && !mentionsCredentials(body)) return undefined;
  if (type === undefined) throw new AppError('request.bad_input', 'auth_type: say how these credentials are sent: basic, bearer or authheaders.');
  if (type === 'basic') {
    const old = stored?.type === 'basic' ? stored : undefined;
    return {
      type,
      username: needed('auth_username', body.authUsername, old?.username),
      password: needed('auth_password', body.authPassword, old?.password),
    };
  }
  if (type === 'bearer') return { type, token: needed('auth_token', body.authToken, stored?.type === 'bearer' ? stored.token : undefined) };
  return { type, headers: readHeaders(body, stored?.type === 'authheaders' ? stored.headers : [], needed) };
}

/** Is any of the fields given that hold one? */
export function mentionsCredentials(body: AuthInput): boolean {
  return [body.authUsername, body.authPassword, body.authToken, body.authHeaderKey, body.authHeaderValue, body.authHeaders].some(
    (value) => value !== undefined && value !== null,
  );
}

type Needed = (field: string, given: string | null | undefined, stored: string | undefined) => string;

function neededBehind(isMask: (value: string) => boolean): Needed {
  return (field, given, stored) => {
    const isKept = given === undefined || given === null || isMask(given);
    const value = isKept ? stored : given;
    if (value !== undefined && value !== '') return value;
    throw new AppError(
      'request.bad_input',
      isKept && given !== undefined && given !== null
        ? `${field}: this is the mask, and nothing is stored behind it.`
        : `${field}: a value is needed for this auth_type.`,
    );
  };
}

function readHeaders(body: AuthInput, stored: readonly { key: string; value: string }[], needed: Needed): { key: string; value: string }[] {
  const single = body.authHeaderKey ? [{ key: body.authHeaderKey, value: body.authHeaderValue ?? '' }] : [];
  const given = body.authHeaders ?? single;
  if (given.length === 0) {
    if (stored.length > 0) return [...stored];
    throw new AppError('request.bad_input', 'auth_headers: at least one header is needed for auth_type authheaders.');
  }
  return given.map(({ key, value }) => {
    const old = stored.find((header) => header.key.toLowerCase() === key.toLowerCase())?.value;
    return { key, value: needed(`auth_headers ${key}`, value, old) };
  });
}

/** What is sent with every request to the upstream. */
export function authHeaders(secret: AuthSecret | null): [string, string][] {
  if (secret === null) return [];
  if (secret.type === 'basic') return [['authorization', `Basic ${Buffer.from(`${secret.username}:${secret.password}`).toString('base64')}`]];
  if (secret.type === 'bearer') return [['authorization', `Bearer ${secret.token}`]];
  return secret.headers.map(({ key, value }) => [key.toLowerCase(), value]);
}

const shown = z.string().nullable();
export const authOut = {
  authType: shown,
  authUsername: shown,
  authPassword: shown,
  authToken: shown,
  authHeaderKey: shown,
  authHeaderValue: shown,
  authHeaders: z.array(z.object({ key: z.string(), value: z.string() })).nullable(),
  authValue: shown,
  authPasswordUnmasked: z.null(),
  authTokenUnmasked: z.null(),
  authHeaderValueUnmasked: z.null(),
  authHeadersUnmasked: z.null(),
};

/** @param mask what stands for a secret, MASKED_AUTH_VALUE */
export function maskedAuth(secret: AuthSecret | null, mask: string) {
  const headers = secret?.type === 'authheaders' ? secret.headers : undefined;
  const only = headers?.length === 1 ? headers[0] : undefined;
  return {
    authType: secret?.type ?? null,
    authUsername: secret?.type === 'basic' ? secret.username : null,
    authPassword: secret?.type === 'basic' ? mask : null,
    authToken: secret?.type === 'bearer' ? mask : null,
    authHeaderKey: only?.key ?? null,
    authHeaderValue: only === undefined ? null : mask,
    authHeaders: headers?.map(({ key }) => ({ key, value: mask })) ?? null,
    authValue: secret === null ? null : mask,
    authPasswordUnmasked: null,
    authTokenUnmasked: null,
    authHeaderValueUnmasked: null,
    authHeadersUnmasked: null,
  };
}
