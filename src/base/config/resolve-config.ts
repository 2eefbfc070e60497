// What one setting cannot know alone: values worked out from others, and combinations that are refused.
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { resolve } from 'node:path';
import { Secret } from '#base/kernel';
import type { Config } from './config.ts';
import { sqlitePath } from './database-location.ts';
import type { Fault } from './fault.ts';
import { checkTracing, completeTracing } from './resolve-tracing.ts';
import type { ParsedConfig } from './schema.ts';
import type { GeneratedSecrets } from './secrets-file.ts';
import { reason } from './sources.ts';
import { weaknessOfPassword, weaknessOfSecret } from './weak-secret.ts';

/** A fault of a combination; it is not reported when one of its settings is at fault by itself. */
export interface CombinedFault extends Omit<Fault, 'from'> {
  readonly name: string;
  readonly concerns: readonly string[];
}

export interface Checked {
  readonly faults: readonly CombinedFault[];
  readonly warnings: readonly string[];
  readonly publicKeyPem: string | undefined;
  readonly privateKeyPem: string | undefined;
}

export function isLoopbackHost(host: string): boolean {
  const bare = host.toLowerCase().replace(/^\[|\]$/g, '');
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
}

/** Checks combinations and reads the key files; writes nothing. */
export function checkCombinations(parsed: ParsedConfig, cwd: string): Checked {
  const faults: CombinedFault[] = [];
  const warnings: string[] = [];
  const { http, auth, jwt, upstream, paging } = parsed;
  if (!auth.required) {
    if (!isLoopbackHost(http.host) && !auth.allowUnauthenticatedAdmin) {
      faults.push({
        name: 'AUTH_REQUIRED',
        problem: `false would make everybody who reaches ${http.host} an administrator. Listen on 127.0.0.1, or say ALLOW_UNAUTHENTICATED_ADMIN=true`,
        concerns: ['HOST', 'ALLOW_UNAUTHENTICATED_ADMIN'],
      });
    } else {
      warnings.push('AUTH_REQUIRED is false: whoever reaches this gateway is an administrator.');
    }
  }
  if (upstream.toolTimeoutMaxSeconds < upstream.toolTimeoutSeconds) {
    faults.push({
      name: 'MCPGATEWAY_TOOL_TIMEOUT_MAX',
      problem: `${upstream.toolTimeoutMaxSeconds} is less than TOOL_TIMEOUT (${upstream.toolTimeoutSeconds})`,
      concerns: ['TOOL_TIMEOUT'],
    });
  }
  if (paging.maxSize < paging.defaultSize) {
    faults.push({
      name: 'PAGINATION_MAX_PAGE_SIZE',
      problem: `${paging.maxSize} is less than PAGINATION_DEFAULT_PAGE_SIZE (${paging.defaultSize})`,
      concerns: ['PAGINATION_DEFAULT_PAGE_SIZE'],
    });
  }
  if (upstream.skipTlsVerify) warnings.push('SKIP_SSL_VERIFY is on: certificates of upstreams are not checked.');
  if (!parsed.ssrf.enabled) warnings.push('SSRF_PROTECTION_ENABLED is off: registered URLs may point anywhere, also at metadata services.');
  judgeSecrets(parsed, faults, warnings);
  checkTracing(parsed, faults, warnings);
  const isAsymmetric = !jwt.algorithm.startsWith('HS');
  const publicKeyPem = isAsymmetric ? readKey('JWT_PUBLIC_KEY_PATH', jwt.publicKeyPath, cwd, faults) : undefined;
  const privateKeyPem = isAsymmetric ? readKey('JWT_PRIVATE_KEY_PATH', jwt.privateKeyPath, cwd, faults) : undefined;
  if (isAsymmetric && jwt.publicKeyPath === undefined && jwt.privateKeyPath === undefined) {
    faults.push({
      name: 'JWT_ALGORITHM',
      problem: `${jwt.algorithm} needs JWT_PUBLIC_KEY_PATH or JWT_PRIVATE_KEY_PATH`,
      concerns: ['JWT_PUBLIC_KEY_PATH', 'JWT_PRIVATE_KEY_PATH'],
    });
  }
  return { faults, warnings, publicKeyPem, privateKeyPem };
}

function judgeSecrets({ app, auth, jwt }: ParsedConfig, faults: CombinedFault[], warnings: string[]): void {
  const weak: [name: string, why: string][] = [];
  const judge = (name: string, value: Secret | undefined, weaknessOf: (value: string) => string | undefined): void => {
    const why = value === undefined ? undefined : weaknessOf(value.reveal());
    if (why !== undefined) weak.push([name, why]);
  };
  if (jwt.algorithm.startsWith('HS')) judge('JWT_SECRET_KEY', jwt.secretKey, weaknessOfSecret);
  judge('AUTH_ENCRYPTION_SECRET', auth.encryptionSecret, weaknessOfSecret);
  if (auth.basicAllowed || auth.basicAllowedOnDocs) judge('BASIC_AUTH_PASSWORD', auth.basicPassword, weaknessOfPassword);
  if (weak.length === 0) return;
  if (app.environment === 'development') {
    warnings.push(`Not safe outside development: ${weak.map(([name, why]) => `${name} ${why}`).join('; ')}. What is left unset is generated.`);
    return;
  }
  for (const [name, why] of weak) {
    faults.push({
      name,
      problem: `${why}, which is refused while ENVIRONMENT is ${app.environment}. Leave it unset to have one generated`,
      concerns: ['ENVIRONMENT'],
    });
  }
}

function readKey(name: string, path: string | undefined, cwd: string, faults: CombinedFault[]): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(resolve(cwd, path), 'utf8');
  } catch (error) {
    faults.push({ name, problem: `${path} cannot be read (${reason(error)})`, concerns: ['JWT_ALGORITHM'] });
    return undefined;
  }
}

export function databasePath(parsed: ParsedConfig, cwd: string): string | undefined {
  const path = sqlitePath(parsed.database.url);
  return path === undefined || path === ':memory:' ? undefined : resolve(cwd, path);
}

export function completeConfig(parsed: ParsedConfig, checked: Checked, secrets: GeneratedSecrets, cwd: string): Config {
  const { app, http, auth, jwt, ssrf } = parsed;
  const isLoopback = isLoopbackHost(http.host);
  const isDevelopment = app.environment === 'development';
  return {
    ...parsed,
    app: { ...app, isDevelopment },
    http: { ...http, isLoopback, allowedHosts: allowedHosts(parsed, isLoopback), allowedOrigins: allowedOrigins(parsed) },
    database: { ...parsed.database, path: databasePath(parsed, cwd) },
    auth: {
      ...auth,
      basicPassword: auth.basicPassword ?? new Secret(secrets.basicAuthPassword),
      encryptionSecret: auth.encryptionSecret ?? new Secret(secrets.authEncryptionSecret),
      anonymousIsAdmin: !auth.required,
    },
    jwt: {
      ...jwt,
      secretKey: jwt.secretKey ?? new Secret(secrets.jwtSecretKey),
      publicKeyPem: checked.publicKeyPem,
      privateKeyPem: checked.privateKeyPem === undefined ? undefined : new Secret(checked.privateKeyPem),
    },
    ssrf: { ...ssrf, allowLocalhost: ssrf.allowLocalhost ?? (isDevelopment && isLoopback) },
    tracing: completeTracing(parsed),
  };
}

function allowedHosts({ app, http }: ParsedConfig, isLoopback: boolean): string[] {
  const loopback = ['localhost', '127.0.0.1', '[::1]'];
  if (http.allowedHosts !== undefined) return unique([...http.allowedHosts, ...(isLoopback ? loopback : [])]);
  const own = http.host.includes(':') ? `[${http.host}]` : http.host;
  return isLoopback ? unique([...loopback, own, new URL(app.domain).hostname]) : ['*'];
}

function allowedOrigins({ app, http }: ParsedConfig): string[] {
  if (http.allowedOrigins !== undefined) return unique(http.allowedOrigins.map((origin) => origin.replace(/\/$/, '')));
  if (app.environment === 'development') {
    const ports = ['', ':3000', ':8080', `:${http.port}`];
    return unique(['http://localhost', 'http://127.0.0.1'].flatMap((base) => ports.map((port) => base + port)));
  }
  const host = new URL(app.domain).host;
  return ['', 'app.', 'admin.'].map((prefix) => `https://${prefix}${host}`);
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values.map((value) => value.toLowerCase()))];
}
