import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '#base/kernel';
import { loadConfig, type LoadOptions } from './load-config.ts';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'config-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const STRONG = 'q8Zr2Lw0XvT6mNcYb4KdHs9GfJp1UeAo7iQx';
const MEMORY = { DATABASE_URL: 'sqlite:///:memory:' };

const load = (env: Record<string, string>, options: LoadOptions = {}) => loadConfig({ cwd, env: { ...MEMORY, ...env }, ...options });
const put = (name: string, content: string): void => writeFileSync(join(cwd, name), content);

function faultsOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toBe('config.invalid');
    return (error as AppError).message;
  }
  throw new Error('the configuration was accepted');
}

describe('where a value comes from', () => {
  it('each later source wins over the earlier: default, file, .env, environment, flag', () => {
    put('gateway.yaml', 'http:\n  port: 1001\n');
    const port = (env: Record<string, string>, options: LoadOptions = {}) => {
      const { config, origins } = load(env, options);
      return [config.http.port, origins['PORT']?.source];
    };
    expect(port({})).toEqual([4444, 'default']);
    expect(port({ MCPGATEWAY_CONFIG_FILE: 'gateway.yaml' })).toEqual([1001, 'file']);
    put('.env', 'PORT=1002\n');
    expect(port({ MCPGATEWAY_CONFIG_FILE: 'gateway.yaml' })).toEqual([1002, '.env']);
    expect(port({ PORT: '1003' }, { configFile: 'gateway.yaml' })).toEqual([1003, 'environment']);
    expect(port({ PORT: '1003' }, { flags: { PORT: '1004', HOST: undefined } })).toEqual([1004, 'flag']);
  });

  it('X_FILE names a file whose trimmed content is the value', () => {
    put('key', `  ${STRONG}\n\n`);
    const { config, origins } = load({ JWT_SECRET_KEY_FILE: 'key' });
    expect(config.jwt.secretKey.reveal()).toBe(STRONG);
    expect(origins['JWT_SECRET_KEY']).toEqual({ source: 'environment', from: 'key, named by JWT_SECRET_KEY_FILE in the environment' });
  });

  it('a file named in the environment wins over a value in .env', () => {
    put('.env', `JWT_SECRET_KEY=${STRONG}x`);
    put('key', STRONG);
    expect(load({ JWT_SECRET_KEY_FILE: 'key' }).config.jwt.secretKey.reveal()).toBe(STRONG);
  });

  it('X and X_FILE in one place is a fault, and so is a file that is missing or empty', () => {
    put('empty', '\n');
    const message = faultsOf(() => load({ JWT_SECRET_KEY: STRONG, JWT_SECRET_KEY_FILE: 'key', PORT_FILE: 'nowhere', HOST_FILE: 'empty' }));
    expect(message).toContain('both JWT_SECRET_KEY and JWT_SECRET_KEY_FILE are set');
    expect(message).toContain('PORT_FILE (in the environment): nowhere cannot be read (ENOENT)');
    expect(message).toContain('HOST (empty, named by HOST_FILE in the environment): the file is empty');
    expect(message).not.toContain(STRONG);
  });

  it('an empty variable is not set, but an empty list is a list', () => {
    const { config } = load({ PORT: '', JWT_SECRET_KEY: '', SSRF_BLOCKED_HOSTS: '' });
    expect(config.http.port).toBe(4444);
    expect(config.jwt.secretKey.reveal().length).toBeGreaterThan(32);
    expect(config.ssrf.blockedHosts).toEqual([]);
  });
});

describe('the YAML file', () => {
  const loadFile = (yaml: string) => {
    put('gateway.yaml', yaml);
    return () => load({}, { configFile: 'gateway.yaml' });
  };

  it('takes values of their own type and of text', () => {
    const { config } = loadFile('auth: {basicAllowed: true}\nhttp: {port: "4455", allowedOrigins: [https://a.example]}\nupstream: {}\nlog:\n')();
    expect(config.auth.basicAllowed).toBe(true);
    expect(config.http.port).toBe(4455);
    expect(config.http.allowedOrigins).toEqual(['https://a.example']);
  });

  it('refuses an unknown key and names the one that was meant', () => {
    const message = faultsOf(loadFile('http: {prot: 1, rootpath: /x, wholly: other}\nhttpp: {}\nPORT: 4444\n'));
    expect(message).toContain('http.rootpath (in gateway.yaml): there is no such key; was rootPath meant?');
    expect(message).toContain('http.wholly (in gateway.yaml): there is no such key. Allowed: host, port');
    expect(message).toContain('PORT (in gateway.yaml): there is no such section; was http.port meant? Allowed: app, ');
    expect(message).toContain('httpp (in gateway.yaml): there is no such section');
  });

  it('refuses broken YAML, a key that is written twice and a missing file', () => {
    expect(faultsOf(loadFile('http: [1'))).toContain('gateway.yaml (configuration file): cannot be read');
    expect(faultsOf(loadFile('http: {port: 1, port: 2}'))).toContain('Map keys must be unique');
    expect(faultsOf(loadFile('- a'))).toContain('is not a mapping of sections');
    expect(faultsOf(() => load({ MCPGATEWAY_CONFIG_FILE: 'none.yaml' }))).toContain('none.yaml (configuration file): cannot be read (ENOENT)');
  });
});

describe('values', () => {
  it.each(['true', '1', 'YES', 'on'])('%s is true', (word) => expect(load({ SKIP_SSL_VERIFY: word }).config.upstream.skipTlsVerify).toBe(true));
  it.each(['false', '0', 'No', 'OFF'])('%s is false', (word) => expect(load({ CORS_ENABLED: word }).config.http.corsEnabled).toBe(false));

  it.each([
    'https://a.example, https://b.example/',
    '["https://a.example","https://b.example"]',
    `'["https://a.example","https://b.example"]'`,
    '"https://a.example,https://b.example"',
  ])('a list may be written as %s', (text) =>
    expect(load({ ALLOWED_ORIGINS: text }).config.http.allowedOrigins).toEqual(['https://a.example', 'https://b.example']),
  );

  it('a level may be written in any case', () => expect(load({ LOG_LEVEL: 'warning' }).config.log.level).toBe('WARNING'));

  it('all faults are told in one report, with what would be allowed', () => {
    const message = faultsOf(() =>
      load({
        PORT: '70000',
        TOOL_TIMEOUT: '1.5',
        AUTH_REQUIRED: 'maybe',
        LOG_LEVEL: 'loud',
        ALLOWED_ORIGINS: '["https://a.example"',
        SSRF_ALLOWED_NETWORKS: '10.0.0.0/40',
        DATABASE_URL: 'postgresql://user:hidden@db/mcp',
        APP_ROOT_PATH: 'x/',
      }),
    );
    expect(message).toContain('The configuration has 8 faults');
    expect(message).toContain('PORT (in the environment): "70000" cannot be used. Allowed: a whole number from 0 to 65535.');
    expect(message).toContain('LOG_LEVEL (in the environment): "loud" cannot be used. Allowed: DEBUG, INFO, WARNING, ERROR, CRITICAL.');
    expect(message).not.toContain('hidden');
  });

  it('a limit that contradicts another is a fault', () => {
    expect(faultsOf(() => load({ TOOL_TIMEOUT: '100', MCPGATEWAY_TOOL_TIMEOUT_MAX: '10' }))).toContain('10 is less than TOOL_TIMEOUT (100)');
    expect(faultsOf(() => load({ PAGINATION_MAX_PAGE_SIZE: '10' }))).toContain('10 is less than PAGINATION_DEFAULT_PAGE_SIZE (50)');
  });

  it('the result can neither be changed nor printed with its secrets', () => {
    const loaded = load({ JWT_SECRET_KEY: STRONG });
    expect(() => ((loaded.config.http as { port: number }).port = 1)).toThrow(TypeError);
    expect(() => (loaded.config.ssrf.blockedHosts as string[]).push('x')).toThrow(TypeError);
    expect(inspect(loaded, { depth: 9 }) + JSON.stringify(loaded)).not.toContain(STRONG);
  });
});

describe('what is worked out', () => {
  it('loopback upstreams are allowed in development on loopback only, and an explicit word wins either way', () => {
    const allowed = (env: Record<string, string>) => load({ JWT_SECRET_KEY: STRONG, ...env }).config.ssrf.allowLocalhost;
    expect(allowed({})).toBe(true);
    expect(allowed({ HOST: '0.0.0.0' })).toBe(false);
    expect(allowed({ ENVIRONMENT: 'production' })).toBe(false);
    expect(allowed({ SSRF_ALLOW_LOCALHOST: 'false' })).toBe(false);
    expect(allowed({ HOST: '0.0.0.0', SSRF_ALLOW_LOCALHOST: 'true' })).toBe(true);
  });

  it('on loopback only loopback names are answered for; a public gateway answers for what it is told', () => {
    expect(load({}).config.http.allowedHosts).toEqual(['localhost', '127.0.0.1', '[::1]']);
    expect(load({ HOST: '127.0.0.2', APP_DOMAIN: 'https://Gate.example' }).config.http.allowedHosts).toEqual([
      'localhost',
      '127.0.0.1',
      '[::1]',
      '127.0.0.2',
      'gate.example',
    ]);
    expect(load({ HOST: '0.0.0.0' }).config.http.allowedHosts).toEqual(['*']);
    expect(load({ HOST: '0.0.0.0', ALLOWED_HOSTS: 'Gate.example' }).config.http.allowedHosts).toEqual(['gate.example']);
  });

  it('outside development the origins are the domain’s', () => {
    expect(load({ PORT: '5000' }).config.http.allowedOrigins).toContain('http://127.0.0.1:5000');
    expect(load({ ENVIRONMENT: 'production', APP_DOMAIN: 'https://gate.example' }).config.http.allowedOrigins).toEqual([
      'https://gate.example',
      'https://app.gate.example',
      'https://admin.gate.example',
    ]);
  });

  it('key files are read, and an asymmetric algorithm without them is a fault', () => {
    put('key.pem', 'PEM');
    const { jwt } = load({ JWT_ALGORITHM: 'ES256', JWT_PRIVATE_KEY_PATH: 'key.pem' }).config;
    expect(jwt.privateKeyPem?.reveal()).toBe('PEM');
    expect(jwt.publicKeyPem).toBeUndefined();
    expect(faultsOf(() => load({ JWT_ALGORITHM: 'RS256' }))).toContain('RS256 needs JWT_PUBLIC_KEY_PATH or JWT_PRIVATE_KEY_PATH');
    expect(faultsOf(() => load({ JWT_ALGORITHM: 'RS256', JWT_PUBLIC_KEY_PATH: 'none.pem' }))).toContain('none.pem cannot be read (ENOENT)');
  });
});

describe('safety of the start', () => {
  it('AUTH_REQUIRED=false beyond loopback is refused unless it is explicitly allowed', () => {
    const open = { AUTH_REQUIRED: 'false', HOST: '0.0.0.0' };
    expect(faultsOf(() => load(open))).toContain('ALLOW_UNAUTHENTICATED_ADMIN=true');
    expect(load({ ...open, ALLOW_UNAUTHENTICATED_ADMIN: 'true' }).config.auth.anonymousIsAdmin).toBe(true);
    for (const HOST of ['127.0.0.1', 'localhost', '::1', '127.9.9.9']) {
      const { config, warnings } = load({ ...open, HOST });
      expect(config.auth.anonymousIsAdmin).toBe(true);
      expect(warnings.join()).toContain('AUTH_REQUIRED is false');
    }
    expect(load({ HOST: '0.0.0.0' }).config.auth.anonymousIsAdmin).toBe(false);
  });

  it('weak secrets run in development with one warning and are refused elsewhere, all at once and unprinted', () => {
    const weak = {
      JWT_SECRET_KEY: 'my-test-key',
      AUTH_ENCRYPTION_SECRET: 'a'.repeat(40),
      BASIC_AUTH_PASSWORD: 'changeme',
      API_ALLOW_BASIC_AUTH: 'true',
    };
    const { warnings, config } = load(weak);
    expect(config.jwt.secretKey.reveal()).toBe('my-test-key');
    expect(
      warnings.filter(
        (warning) => warning.includes('JWT_SECRET_KEY') && warning.includes('AUTH_ENCRYPTION_SECRET') && warning.includes('BASIC_AUTH_PASSWORD'),
      ),
    ).toHaveLength(1);
    for (const ENVIRONMENT of ['production', 'staging']) {
      const message = faultsOf(() => load({ ...weak, ENVIRONMENT }));
      expect(message).toContain('3 faults');
      expect(message).not.toMatch(/my-test-key|aaaa|changeme/);
    }
  });

  it('a password for Basic matters only where Basic is switched on', () => {
    expect(load({ ENVIRONMENT: 'production', BASIC_AUTH_PASSWORD: 'changeme' }).config.auth.basicAllowed).toBe(false);
    expect(faultsOf(() => load({ ENVIRONMENT: 'production', BASIC_AUTH_PASSWORD: 'changeme', DOCS_ALLOW_BASIC_AUTH: 'true' }))).toContain(
      'BASIC_AUTH_PASSWORD',
    );
  });
});

describe('secrets nobody set', () => {
  const onDisk = { DATABASE_URL: 'sqlite:///./data/mcp.db' };
  const file = () => join(cwd, 'data/mcp.db.secrets.json');

  it('are made once, kept beside the database for its owner only, and found again', () => {
    const first = load(onDisk);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    const second = load(onDisk);
    expect(second.config.jwt.secretKey.reveal()).toBe(first.config.jwt.secretKey.reveal());
    expect(second.config.auth.encryptionSecret.reveal()).toBe(first.config.auth.encryptionSecret.reveal());
    expect(second.origins['JWT_SECRET_KEY']).toEqual({ source: 'generated', from: `in ${file()}` });
    expect(load({ ...onDisk, ENVIRONMENT: 'production' }).warnings).toEqual([]);
  });

  it('are not written when all are given, when the database is in memory, when the caller says so, or when there is a fault', () => {
    load({ ...onDisk, JWT_SECRET_KEY: STRONG, AUTH_ENCRYPTION_SECRET: STRONG, BASIC_AUTH_PASSWORD: STRONG });
    load({});
    load(onDisk, { keepsSecrets: false });
    faultsOf(() => load({ ...onDisk, PORT: 'x' }));
    expect(existsSync(file())).toBe(false);
  });

  it('a file that others may read is closed, with a warning', () => {
    load(onDisk);
    chmodSync(file(), 0o644);
    expect(load(onDisk).warnings).toEqual([expect.stringContaining('could be read by others (mode 644)')]);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(load(onDisk).warnings).toEqual([]);
  });

  it('a damaged file is never replaced, because stored credentials need it', () => {
    load(onDisk);
    writeFileSync(file(), '{"jwtSecretKey":"short"}');
    expect(faultsOf(() => load(onDisk))).toContain('does not hold the generated secrets');
    expect(readFileSync(file(), 'utf8')).toBe('{"jwtSecretKey":"short"}');
  });
});

describe('names', () => {
  it('a misspelt variable is a warning with the name that was probably meant; strangers are left alone', () => {
    const { warnings } = load({
      JWT_SECRT_KEY: 'x',
      TOOL_TIMOUT: '5',
      PATH: '/bin',
      HOSTNAME: 'h',
      POST: '1',
      SHELL: 'sh',
      npm_package_name: 'x',
      APP_NAME_FILE: '',
    });
    expect(warnings).toEqual([
      'JWT_SECRT_KEY in the environment is not a setting and has no effect; was JWT_SECRET_KEY meant?',
      'TOOL_TIMOUT in the environment is not a setting and has no effect; was TOOL_TIMEOUT meant?',
    ]);
  });

  it('misspelt names are in the report of faults too: they may be its cause', () => {
    const message = faultsOf(() => load({ ENVIRONMENT: 'production', JWT_SECRET_KEY: 'changeme', AUTH_REQUIRD: 'false' }));
    expect(message).toContain('The configuration has a fault:');
    expect(message).toContain('\n  AUTH_REQUIRD in the environment is not a setting and has no effect; was AUTH_REQUIRED meant?');
  });

  it('a known name without effect is accepted and said, grouped by reason', () => {
    put('.env', 'RELOAD=true\n');
    const { notices, warnings } = load({ TEMPLATES_DIR: 'x', STATIC_DIR: 'y', REDIS_URL: 'redis://x' });
    expect(warnings).toEqual([]);
    expect(notices).toEqual([
      'TEMPLATES_DIR, STATIC_DIR: not applicable: pages and their assets are part of the program',
      'RELOAD: not applicable: use `npm run dev`, which restarts on changes',
      'REDIS_URL: no effect yet: comes with scale-out',
    ]);
  });
});
