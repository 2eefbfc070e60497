// What the rest of the house sees of the configuration: read once, complete, frozen. Units stand in the names, and the key
// here is the key in the YAML file.
import type { Secret } from '#base/kernel';
import type { ParsedConfig } from './schema.ts';

type Resolved<Section, Worked> = Readonly<Omit<Section, keyof Worked>> & Readonly<Worked>;

export interface Config {
  readonly app: Resolved<ParsedConfig['app'], { isDevelopment: boolean }>;
  readonly http: Resolved<
    ParsedConfig['http'],
    {
      /** Only this machine can reach the listener. */
      isLoopback: boolean;
      /** Lower case, without port; `*` is every name. */
      allowedHosts: readonly string[];
      /** Serialised origins without a trailing slash; `*` is every origin. */
      allowedOrigins: readonly string[];
    }
  >;
  readonly database: Resolved<
    ParsedConfig['database'],
    {
      /** Absolute path of the SQLite file; undefined for a database in memory. */
      path: string | undefined;
    }
  >;
  readonly log: Readonly<ParsedConfig['log']>;
  readonly auth: Resolved<
    ParsedConfig['auth'],
    {
      basicPassword: Secret;
      encryptionSecret: Secret;
      /** What somebody without a credential is: an administrator, or nobody. */
      anonymousIsAdmin: boolean;
    }
  >;
  readonly jwt: Resolved<
    ParsedConfig['jwt'],
    {
      secretKey: Secret;
      /** Content of the key files. */
      publicKeyPem: string | undefined;
      privateKeyPem: Secret | undefined;
    }
  >;
  readonly ssrf: Resolved<
    ParsedConfig['ssrf'],
    { allowLocalhost: boolean; blockedNetworks: readonly string[]; blockedHosts: readonly string[]; allowedNetworks: readonly string[] }
  >;
  readonly upstream: Readonly<ParsedConfig['upstream']>;
  readonly stdio: Readonly<ParsedConfig['stdio']>;
  readonly paging: Readonly<ParsedConfig['paging']>;
  readonly tracing: Resolved<
    ParsedConfig['tracing'],
    {
      exporter: 'otlp' | 'console' | 'none';
      protocol: 'http/protobuf' | 'http/json';
      /** Where spans are posted. */
      endpoint: string;
      headers: Readonly<Record<string, Secret>>;
      deploymentEnvironment: string;
      resourceAttributes: Readonly<Record<string, string>>;
    }
  >;
}

/** Freezes objects and lists all the way down; a Secret keeps its value in a private field and may be frozen too. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
