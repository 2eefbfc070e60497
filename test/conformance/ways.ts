// The ways in which the official suites reach the fixture through the gateway: transports, and upstreams that speak one era only, so that
// the gateway brings the suite's own era to the other.
import { fileURLToPath } from 'node:url';
import type { Eras } from '../fixture/line-server.ts';
import type { Suite } from './suites.ts';

export interface Way {
  readonly title: string;
  readonly eras: Eras;
  /** The body of POST /gateways for a fixture at this origin. */
  readonly gateway: (origin: string) => object;
  /** Scenarios that cannot pass this way, and why. */
  readonly excused: Readonly<Record<string, string>>;
}

const FIXTURE = fileURLToPath(new URL('../fixture/main.ts', import.meta.url));

type Excused = Way['excused'];

/** One call in three that needs no stream is answered as JSON over a line, whose upstream has no streams to offer. */
const OVER_A_LINE: Excused = {
  'server-sse-polling': 'a line has no stream that its server could close and let the client resume',
  'server-sse-multiple-streams': 'a quick answer comes as JSON, so there are fewer streams to look at',
};

const OVER_MODERN: Excused = {
  'server-sse-polling': 'a stream of 2026-07-28 cannot be resumed, so its server never closes one for that',
  'server-sse-multiple-streams': 'a quick answer comes as JSON, so there are fewer streams to look at',
};

const ITS_OWN_KEYS = 'the suite looks for the key that its own server gives a question; a request of a session has no key, so the gateway gives one';
const OVER_LEGACY: Excused = {
  'input-required-result-basic-elicitation': ITS_OWN_KEYS,
  'input-required-result-ignore-extra-params': ITS_OWN_KEYS,
  'tasks-required-task-error':
    'a tool that only runs as a task is run by the gateway for a client that knows no tasks, which serves it better than the error that the suite wants',
};
const OVER_A_LEGACY_LINE: Excused = {
  ...OVER_LEGACY,
  'input-required-result-multiple-input-requests':
    'on a line nobody says which call asks for the roots: those that the same caller has named before are the answer, and it is not asked again',
};

const http = (origin: string) => ({ transport: 'STREAMABLEHTTP', url: `${origin}/mcp` });
const sse = (origin: string) => ({ transport: 'SSE', url: `${origin}/sse` });
const stdio = (eras: Eras) => () => ({ transport: 'STDIO', command: 'node', args: [FIXTURE, '--stdio', '--era', eras] });

const SAME_ERA: readonly Way[] = [
  { title: 'mirror', eras: 'both', gateway: http, excused: {} },
  { title: 'stdio', eras: 'both', gateway: stdio('both'), excused: OVER_A_LINE },
];
const OLD: Way = { title: 'HTTP+SSE', eras: 'both', gateway: sse, excused: OVER_A_LINE };

const ON_MODERN: readonly Way[] = [
  { title: 'modern', eras: 'modern', gateway: http, excused: OVER_MODERN },
  { title: 'modern stdio', eras: 'modern', gateway: stdio('modern'), excused: OVER_MODERN },
];
const ON_LEGACY: readonly Way[] = [
  { title: 'legacy', eras: 'legacy', gateway: http, excused: OVER_LEGACY },
  { title: 'legacy stdio', eras: 'legacy', gateway: stdio('legacy'), excused: OVER_A_LEGACY_LINE },
  { title: 'legacy SSE', eras: 'legacy', gateway: sse, excused: OVER_A_LEGACY_LINE },
];

/** HTTP+SSE is of the older revisions only. */
export function waysFor({ title }: Suite): readonly Way[] {
  return title.includes('2026') ? [...SAME_ERA, ...ON_LEGACY] : [...SAME_ERA, OLD, ...ON_MODERN];
}
