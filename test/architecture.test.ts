// The floor plan as a test (ARCHITECTURE.md): which room may enter which, through doors only, which room owns which package, no
// cycles, and how files are named. It ends with canaries: bad houses that it must reject.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/** Path below src → its text. */
type House = ReadonlyMap<string, string>;

const BASE = ['base/kernel', 'base/protocol', 'base/config', 'base/access', 'base/net'];
const BASE_BUT_NET = BASE.filter((room) => room !== 'base/net');
const CONTROL = ['audit', 'catalog', 'db', 'http-contract', 'items', 'servers', 'system', 'tokens', 'upstreams'].map(
  (noun) => `control-plane/${noun}`,
);

/** Room → rooms it may enter. `type:` rooms only by `import type`. */
const MAY_ENTER: Readonly<Record<string, readonly string[]>> = {
  'base/kernel': [],
  'base/protocol': ['base/kernel'],
  'base/access': ['base/kernel'],
  'base/config': ['base/kernel'],
  'base/net': ['base/kernel', 'type:base/config'],
  'data-plane/gateway': BASE_BUT_NET,
  'data-plane/upstream': [...BASE, 'data-plane/gateway'],
  'data-plane/transports': [...BASE_BUT_NET, 'data-plane/gateway'],
  'data-plane/edge': [...BASE_BUT_NET, 'data-plane/transports'],
  'control-plane/db': ['base/kernel', 'type:base/config'],
  'control-plane/*': [...BASE_BUT_NET, 'type:data-plane/gateway', ...CONTROL],
  'front/rest': [...BASE_BUT_NET, 'data-plane/gateway', ...CONTROL],
  'front/cli': [...BASE, 'data-plane/gateway', 'data-plane/transports', 'data-plane/upstream', ...CONTROL],
  'platform/*': ['base/kernel', 'type:base/config'],
};

/** npm package → where it may be imported. */
const PACKAGE_OWNERS: Readonly<Record<string, (file: string) => boolean>> = {
  undici: (file) => file.startsWith('base/net/'),
  fastify: (file) => file.startsWith('front/rest/'),
  kysely: (file) => file.startsWith('control-plane/db/') || /-(store|view)\.ts$/.test(file),
  commander: (file) => file.startsWith('front/cli/'),
  pino: (file) => file.startsWith('platform/'),
  '@opentelemetry/api': (file) => file.startsWith('platform/tracing/'),
  '@opentelemetry/resources': (file) => file.startsWith('platform/tracing/'),
  '@opentelemetry/sdk-trace-base': (file) => file.startsWith('platform/tracing/'),
  '@opentelemetry/exporter-trace-otlp-http': (file) => file.startsWith('platform/tracing/'),
  '@opentelemetry/exporter-trace-otlp-proto': (file) => file.startsWith('platform/tracing/'),
  jose: (file) => file.startsWith('control-plane/tokens/'),
  'ipaddr.js': (file) => file.startsWith('base/'),
  uuid: (file) => file.startsWith('base/kernel/'),
  yaml: (file) => file.startsWith('base/config/'),
  'cross-spawn': (file) => file.startsWith('data-plane/upstream/mcp-stdio/'),
  'node:child_process': (file) => file.startsWith('data-plane/upstream/mcp-stdio/'),
  'node:sqlite': (file) => file.startsWith('control-plane/'),
};

const FORBIDDEN_NAMES = /(^|-)(utils?|helpers?|common|misc|manager)(-|\.|$)/;
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.(ts|tsx)$/;

interface Import {
  readonly specifier: string;
  readonly isType: boolean;
}

function importsOf(text: string): Import[] {
  const found: Import[] = [];
  for (const match of text.matchAll(/^\s*(?:import|export)\s+(type\s+)?([^'";]*?)\s*from\s+'([^']+)'|^\s*import\s+'([^']+)'/gm)) {
    const names = match[2] ?? '';
    const specifier = match[3] ?? match[4] ?? '';
    const isType =
      match[1] !== undefined ||
      (/^\{[^}]*\}$/.test(names) &&
        names
          .slice(1, -1)
          .split(',')
          .every((name) => name.trim() === '' || name.trim().startsWith('type ')));
    found.push({ specifier, isType });
  }
  for (const match of text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)) found.push({ specifier: match[1] ?? '', isType: false });
  return found;
}

function roomOf(file: string): string {
  return file.split('/').slice(0, 2).join('/');
}

function rulesOf(room: string): readonly string[] | undefined {
  return MAY_ENTER[room] ?? MAY_ENTER[`${room.split('/')[0]}/*`];
}

/** Every way in which this house breaks the plan, in words. */
function faultsOf(house: House): string[] {
  const faults: string[] = [];
  const edges = new Map<string, string[]>();
  for (const [file, text] of house) {
    const isTest = file.endsWith('.test.ts');
    const name = file.split('/').at(-1) ?? '';
    if (!KEBAB_CASE.test(name) || FORBIDDEN_NAMES.test(name)) faults.push(`${file}: name it in kebab-case after what it holds`);
    if (/^export default/m.test(text)) faults.push(`${file}: no default exports`);
    if (/^export \* /m.test(text)) faults.push(`${file}: a door names what it lets out`);
    if (/\bprocess\.env\b/.test(text) && !file.startsWith('base/config/') && !isTest) faults.push(`${file}: only base/config reads the environment`);
    if (isTest) continue;
    const isRoot = !file.includes('/');
    for (const { specifier, isType } of importsOf(text)) {
      const owner = PACKAGE_OWNERS[specifier];
      if (owner !== undefined && !owner(file)) faults.push(`${file}: may not import ${specifier}`);
      if (specifier.startsWith('.')) {
        const target = join(dirname(file), specifier);
        if (!specifier.endsWith('.ts') && !specifier.endsWith('.json')) faults.push(`${file}: relative imports end in .ts (${specifier})`);
        if (!isRoot && roomOf(target) !== roomOf(file)) faults.push(`${file}: enters another room by the window (${specifier})`);
        if (!isType) edges.set(file, [...(edges.get(file) ?? []), target]);
      } else if (specifier.startsWith('#')) {
        const target = specifier.slice(1);
        if (!isType) edges.set(file, [...(edges.get(file) ?? []), `${target}/index.ts`]);
        if (isRoot) continue;
        const allowed = rulesOf(roomOf(file));
        if (allowed === undefined) faults.push(`${file}: its room is not on the plan`);
        else if (target !== roomOf(file) && !allowed.includes(target) && !(isType && allowed.includes(`type:${target}`)))
          faults.push(`${file}: may not enter ${target}`);
      }
    }
  }
  faults.push(...cyclesIn(edges));
  return faults;
}

function cyclesIn(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const state = new Map<string, 'open' | 'done'>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      cycles.push(`cycle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`);
      return;
    }
    state.set(file, 'open');
    for (const target of edges.get(file) ?? []) visit(target, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of edges.keys()) visit(file, []);
  return cycles;
}

function readHouse(): House {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file));
  return new Map(files.map((file) => [relative('.', file), readFileSync(join(SRC, file), 'utf8')]));
}

describe('the house', () => {
  const house = readHouse();

  it('keeps to its floor plan', () => {
    expect(house.size).toBeGreaterThan(50);
    expect(faultsOf(house)).toEqual([]);
  });

  it('has a door in every room', () => {
    const rooms = new Set([...house.keys()].filter((file) => file.includes('/')).map(roomOf));
    for (const room of rooms) expect(house.has(`${room}/index.ts`), `${room}/index.ts`).toBe(true);
  });

  it('shows every room on the map', () => {
    const map = readFileSync(join(SRC, '../ARCHITECTURE.md'), 'utf8');
    for (const room of new Set([...house.keys()].filter((file) => file.includes('/')).map(roomOf))) {
      expect(map, `${room} in ARCHITECTURE.md`).toContain(room.split('/')[1]);
    }
  });
});

describe('the canaries', () => {
  const reject = (file: string, text: string, ...others: [string, string][]): void => {
    expect(faultsOf(new Map([[file, text], ...others]))).not.toEqual([]);
  };

  it('a data plane that reads the database is rejected', () =>
    reject('data-plane/gateway/x.ts', `import { openDatabase } from '#control-plane/db';`));
  it('a value import where only types may be taken is rejected', () =>
    reject('control-plane/items/x.ts', `import { createGateway } from '#data-plane/gateway';`));
  it('a window instead of a door is rejected', () => reject('data-plane/edge/x.ts', `import { scan } from '../../base/protocol/scan.ts';`));
  it('an HTTP client outside base/net is rejected', () => reject('data-plane/upstream/x.ts', `import { Pool } from 'undici';`));
  it('a cycle is rejected', () => reject('base/kernel/a.ts', `import { b } from './b.ts';`, ['base/kernel/b.ts', `import { a } from './a.ts';`]));
  it('the environment read outside base/config is rejected', () => reject('base/net/x.ts', `const host = process.env.HOST;`));
  it('a file of everything is rejected', () => reject('base/kernel/utils.ts', ''));
  it('a good file is accepted', () => {
    expect(
      faultsOf(
        new Map([['data-plane/edge/x.ts', `import { AppError } from '#base/kernel';\nimport type { Gateway } from '#data-plane/transports';`]]),
      ),
    ).toEqual([]);
  });
});
