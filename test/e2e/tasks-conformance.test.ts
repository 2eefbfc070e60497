// The official scenarios of the tasks extension, played at a mirror of a server that knows only the tasks of 2025-11-25: the bridge has to
// look like a server of the extension.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runSuite } from '../conformance/run-suite.ts';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';

const RUNNER = fileURLToPath(new URL('../../node_modules/conformance-next/dist/index.js', import.meta.url));
const SCENARIOS = [
  'tasks-lifecycle',
  'tasks-capability-negotiation',
  'tasks-wire-fields',
  'tasks-request-state-removal',
  'tasks-mrtr-input',
  'tasks-request-headers',
  'tasks-dispatch-and-envelope',
  'tasks-mrtr-composition',
];

let gateway: StartedGateway;
let fixture: Fixture;
let mcpUrl: string;

beforeAll(async () => {
  // The runner sends no token.
  gateway = await startGateway({ env: { AUTH_REQUIRED: 'false' } });
  fixture = await startFixture({ eras: 'legacy' });
  ({ mcpUrl } = await gateway.registerMirror(fixture.url));
});
afterAll(async () => {
  await gateway?.stop();
  await fixture?.close();
});

const failures = async (scenario: string): Promise<string[]> => {
  const suite = { title: scenario, runner: RUNNER, args: ['--scenario', scenario], goal: 1, required: [] };
  const checks = (await runSuite(suite, mcpUrl)).get(scenario) ?? [];
  expect(checks.filter(({ status }) => status === 'SUCCESS').length, scenario).toBeGreaterThan(0);
  return checks.filter(({ status }) => status !== 'SUCCESS').map(({ id, status, errorMessage }) => `${status} ${id}: ${errorMessage}`);
};

test.each(SCENARIOS)('47 · %s passes as at a server of the extension', async (scenario) => {
  expect(await failures(scenario)).toEqual([]);
});

test('47 · a tool that makes only tasks is no error where the gateway can wait for it: the one scenario that cannot apply', async () => {
  // It wants −32021 of servers that cannot serve the call without a task. This one can (ADR 44).
  const suite = { title: '', runner: RUNNER, args: ['--scenario', 'tasks-required-task-error'], goal: 0, required: [] };
  const checks = [...(await runSuite(suite, mcpUrl)).values()].flat();
  const failed = checks.filter(({ status }) => status === 'FAILURE');
  expect(failed.map(({ errorMessage }) => errorMessage)).toEqual([expect.stringContaining('returned a successful response')]);
});
