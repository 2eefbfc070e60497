// What comes besides the answer: progress, log lines, news; and taking a call back.
import { eventually } from '../../../e2e/checklist/wire.ts';
import { expectIn } from '../difference.ts';
import type { Json, Outcome } from '../player.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

const topic = 'progress, logs, news and cancelling';
const LEVEL = 'io.modelcontextprotocol/logLevel';

const of = ({ told }: Outcome, method: string): Json[] => told.flatMap((message) => (message.method === method ? [message.params] : []));

const levels = (outcome: Outcome): unknown[] => of(outcome, 'notifications/message').map(({ level }) => level);

async function cancelledAt(stage: Stage): Promise<number> {
  return (await stage.upstream.states()).flatMap(({ cancelled }) => (cancelled as { hit: boolean }[]).filter(({ hit }) => hit)).length;
}

/** The levels of a call's log lines, up to one of level error, which is its last. */
async function levelsOf(outcome: Outcome): Promise<unknown[]> {
  await eventually(() => levels(outcome).includes('error'), 5000);
  return levels(outcome);
}

export const streamScenarios: readonly Scenario[] = [
  {
    id: 'progress',
    topic,
    says: 'progress comes with its call, in order, with the token the client gave',
    async play(stage) {
      const outcome = await stage.call('test_tool_with_progress', {}, { meta: { progressToken: 'token 1' } });
      expectIn(of(outcome, 'notifications/progress'), [
        { progressToken: 'token 1', progress: 0, total: 100 },
        { progressToken: 'token 1', progress: 50, total: 100, message: 'Completed step 50 of 100' },
        { progressToken: 'token 1', progress: 100, total: 100 },
      ]);
    },
  },
  {
    id: 'no-logs-unasked',
    topic,
    says: 'a request without a log level brings no log lines',
    needs: { clientEra: 'modern' },
    play: async (stage) => expectIn(levels(await stage.call('test_logging_tool')), []),
  },
  {
    id: 'log-levels',
    topic,
    says: 'log lines come from the level on that the client has set',
    async play(stage) {
      const player = await stage.player();
      await player.setLevel('warning');
      expectIn(await levelsOf(await stage.call('test_logging_tool')), ['warning', 'error'], 'at warning');
      await player.setLevel('debug');
      expectIn(await levelsOf(await stage.call('test_logging_tool')), ['debug', 'info', 'warning', 'error'], 'at debug');
    },
  },
  {
    id: 'log-level-of-a-request',
    topic,
    says: 'a log level is that of its request alone',
    needs: { clientEra: 'modern' },
    async play(stage) {
      for (const [level, expected] of [
        ['error', ['error']],
        ['info', ['info', 'warning', 'error']],
      ] as const) {
        expectIn(levels(await stage.call('test_logging_tool', {}, { meta: { [LEVEL]: level } })), expected, `at ${level}`);
      }
    },
  },
  {
    id: 'logs-of-concurrent-requests',
    topic,
    says: 'log lines of concurrent requests come with their own',
    needs: { clientEra: 'modern' },
    async play(stage) {
      const key = `logs ${stage.cell.kind}`;
      const waiting = await stage.start('wait_silently', { key }, { meta: { [LEVEL]: 'info' } });
      await stage.untilUpstream((states) => states.some((state) => (state['waiting'] as string[]).includes(key)));
      const logged = await stage.call('test_logging_tool', {}, { meta: { [LEVEL]: 'error' } });
      await stage.upstream.pull('release', { key });
      expectIn([levels(logged), levels(await waiting.outcome)], [['error'], []]);
    },
  },
  {
    id: 'foreign-log-level',
    topic,
    says: 'a log level that nobody knows is refused',
    async play(stage) {
      const { error } = await (stage.cell.client === '2026-07-28'
        ? stage.call('test_logging_tool', {}, { meta: { [LEVEL]: 'loud' } })
        : stage.request('logging/setLevel', { level: 'loud' }));
      expectIn(error, { code: -32_602 }, 'error');
    },
  },
  {
    id: 'cancel',
    topic,
    says: 'a call that is taken back ends at the upstream, and nothing else does',
    async play(stage) {
      const before = await cancelledAt(stage);
      const key = `cancel ${stage.cell.client} ${stage.cell.kind}`;
      const other = await stage.start('wait_silently', { key: `${key} other` });
      const running = await stage.start('wait_for_release', { key }, { meta: { progressToken: 1 } });
      await running.told('notifications/progress');
      const waits = (states: readonly Json[]) => states.some(({ waiting }) => (waiting as string[]).includes(key));
      await stage.untilUpstream(waits);
      await running.cancel();
      await stage.untilUpstream((states) => !waits(states));
      if ((await cancelledAt(stage)) <= before) throw new Error('the upstream was not told of a cancel');
      await stage.untilUpstream((states) => states.some(({ waiting }) => (waiting as string[]).includes(`${key} other`)));
      await stage.upstream.pull('release', { key: `${key} other` });
      expectIn((await other.outcome).result, { content: [{ text: `released ${key} other` }] });
    },
  },
  {
    id: 'lists-changed',
    topic,
    says: 'a client is told which list of the upstream has changed',
    needs: { kind: 'mirror' },
    async play(stage) {
      const listening = await (await stage.player()).listen({ toolsListChanged: true, promptsListChanged: true });
      for (const kind of ['tools', 'prompts']) await stage.upstream.pull('list-changed', { kind });
      await listening.news('notifications/tools/list_changed');
      await listening.news('notifications/prompts/list_changed');
      await listening.close();
    },
  },
  {
    id: 'call-changes-a-list',
    topic,
    says: 'a client is told of the change that its own call has made',
    async play(stage) {
      const listening = await (await stage.player()).listen({ toolsListChanged: true });
      await stage.call('test_trigger_tool_change');
      await listening.news('notifications/tools/list_changed');
      await listening.close();
    },
  },
  {
    id: 'resource-updates',
    topic,
    says: 'a client is told of updates of the resource it subscribed to',
    async play(stage) {
      const uri = 'test://watched-resource';
      const listening = await (await stage.player()).listen({ resourceSubscriptions: [uri] });
      await stage.upstream.pull('resource-updated', { uri });
      expectIn((await listening.news('notifications/resources/updated')).params, { uri });
      const { result } = await stage.request('resources/read', { uri });
      expectIn(result, { contents: [{ uri }] });
      await listening.close();
    },
  },
  {
    id: 'concurrent',
    topic,
    says: 'concurrent calls get their own answers',
    async play(stage) {
      const texts = Array.from({ length: 20 }, (_, i) => `text ${i}`);
      const outcomes = await Promise.all(texts.map((text) => stage.call('echo_arguments', { text })));
      expectIn(
        outcomes.map(({ result }) => result),
        texts.map((text) => ({ content: [{ text: JSON.stringify({ text }) }] })),
      );
    },
  },
];
