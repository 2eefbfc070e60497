// Calls that go on as tasks: the experimental ones of 2025-11-25 and the extension of 2026-07-28, each client on its own wire.
import { answerTo } from '../client-answers.ts';
import { anyText, expectIn } from '../difference.ts';
import { everything } from '../player.ts';
import type { Json, Message, Outcome, Player } from '../player.ts';
import { eraOf } from '../revisions.ts';
import type { Needs, Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

const topic = 'tasks';
const NEEDS: Needs = { client: '2025-11-25', upstream: '2025-11-25' };
const LEGACY: Needs = { ...NEEDS, clientEra: 'legacy' };
const MODERN: Needs = { ...NEEDS, clientEra: 'modern' };
const POLLS_MAX = 100;
const POLL_MS = 30;

/** A client that knows the tasks of its revision. */
function taskPlayer(stage: Stage): Promise<Player> {
  const { client } = stage.cell;
  const more = eraOf(client) === 'modern' ? { extensions: { 'io.modelcontextprotocol/tasks': {} } } : {};
  return stage.player({ ...everything(client), ...more });
}

interface Created {
  readonly player: Player;
  readonly taskId: string;
}

async function create(stage: Stage, tool: string, args: Json): Promise<Created> {
  const player = await taskPlayer(stage);
  const isModern = eraOf(stage.cell.client) === 'modern';
  const params = { name: stage.server.tool(tool), arguments: args, ...(isModern ? {} : { task: { ttl: 60_000 } }) };
  const { result, error } = await player.request('tools/call', params);
  const shape = { taskId: anyText, status: anyText, createdAt: anyText };
  expectIn(result ?? { error }, isModern ? { resultType: 'task', ...shape, ttlMs: 60_000 } : { task: { ...shape, ttl: 60_000 } });
  const task = (isModern ? result : result?.['task']) as Json;
  return { player, taskId: String(task['taskId']) };
}

/** Asks until the task has one of these states. */
async function until({ player, taskId }: Created, ...wanted: string[]): Promise<Json> {
  for (let i = 0; i < POLLS_MAX; i++) {
    const { result, error } = await player.request('tasks/get', { taskId });
    if (result === undefined) throw new Error(`tasks/get: ${JSON.stringify(error)}`);
    if (wanted.includes(String(result['status']))) return result;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`the task has never been ${wanted.join(' or ')}`);
}

const resultOf = ({ result, error }: Outcome): unknown => result ?? { error };

export const taskScenarios: readonly Scenario[] = [
  {
    id: 'task-completes',
    topic,
    says: 'a task is created, looked at, and gives its result',
    needs: NEEDS,
    async play(stage) {
      const created = await create(stage, 'slow_compute', { seconds: 0.05, label: 'sum' });
      const last = await until(created, 'completed');
      const result =
        eraOf(stage.cell.client) === 'modern' ? last['result'] : resultOf(await created.player.request('tasks/result', { taskId: created.taskId }));
      expectIn(result, { content: [{ text: 'Computed sum' }] });
    },
  },
  {
    id: 'task-fails',
    topic,
    says: 'a task that ends with an error says which',
    needs: NEEDS,
    async play(stage) {
      const created = await create(stage, 'protocol_error_job', {});
      const last = await until(created, 'failed');
      const error =
        eraOf(stage.cell.client) === 'modern' ? last['error'] : (await created.player.request('tasks/result', { taskId: created.taskId })).error;
      expectIn(error, { code: -32_603, message: 'The job could not be run' }, 'error');
    },
  },
  {
    id: 'task-asks-in-session',
    topic,
    says: 'a task asks the client of a session while it waits for the result',
    needs: LEGACY,
    async play(stage) {
      const { player, taskId } = await create(stage, 'confirm_delete', { filename: 'f' });
      const outcome = await player.request('tasks/result', { taskId });
      expectIn(resultOf(outcome), { content: [{ text: 'Deleted' }] });
      expectIn(outcome.asked, [
        { method: 'elicitation/create', params: { message: 'Delete f?', _meta: { 'io.modelcontextprotocol/related-task': { taskId } } } },
      ]);
    },
  },
  {
    id: 'task-asks-when-looked-at',
    topic,
    says: 'a task shows what it asks, and goes on with the answer',
    needs: MODERN,
    async play(stage) {
      const created = await create(stage, 'confirm_delete', { filename: 'f' });
      const asking = await until(created, 'input_required');
      const requests = Object.entries(asking['inputRequests'] as Record<string, Message>);
      expectIn(
        requests.map(([, request]) => request),
        [{ method: 'elicitation/create', params: { message: 'Delete f?' } }],
      );
      const inputResponses = Object.fromEntries(requests.map(([key, { method, params }]) => [key, answerTo(method, params)]));
      expectIn(await created.player.request('tasks/update', { taskId: created.taskId, inputResponses }), { error: undefined });
      expectIn((await until(created, 'completed'))['result'], { content: [{ text: 'Deleted' }] });
    },
  },
  {
    id: 'task-cancelled',
    topic,
    says: 'a task that is cancelled is cancelled at the upstream',
    needs: NEEDS,
    async play(stage) {
      const created = await create(stage, 'slow_compute', { seconds: 60, label: 'never' });
      const { error } = await created.player.request('tasks/cancel', { taskId: created.taskId });
      if (error !== undefined) throw new Error(`tasks/cancel: ${JSON.stringify(error)}`);
      await until(created, 'cancelled');
    },
  },
  {
    id: 'task-unknown',
    topic,
    says: 'an unknown task is -32602',
    needs: NEEDS,
    play: async (stage) =>
      expectIn(await (await taskPlayer(stage)).request('tasks/get', { taskId: 'nobody-made-this' }), { error: { code: -32_602 } }),
  },
  {
    id: 'task-without-extension',
    topic,
    says: 'a tool that only runs as a task is run for a client that knows none, or says what it needs',
    needs: MODERN,
    async play(stage) {
      const outcome = await stage.call('failing_job');
      if (eraOf(stage.cell.upstream) === 'legacy') expectIn(resultOf(outcome), { isError: true, content: [{ text: 'The job failed' }] });
      else expectIn(outcome, { status: 400, error: { code: -32_021 } });
    },
  },
];
