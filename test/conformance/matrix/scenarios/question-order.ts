// Several questions: at once, one after the other, in several calls, apart from the call; and those that cannot be asked.
import { eventually } from '../../../e2e/checklist/wire.ts';
import { containing, expectIn } from '../difference.ts';
import { ROOTS } from '../client-answers.ts';
import type { Json, Outcome } from '../player.ts';
import type { Cell } from '../revisions.ts';
import { eraOf } from '../revisions.ts';
import type { Scenario } from '../scenario.ts';
import { course, expectQuestions, form, FORMS, roots, sampled, topic } from './question-course.ts';

const CHAIN = [
  'sampled start>0',
  'named sampled start>0>1',
  'sampled named sampled start>0>1>2',
  'named sampled named sampled start>0>1>2>3',
] as const;

/** What becomes of a question that the client's revision or declaration does not allow. */
function isRefused({ result, error }: Outcome, { upstream }: Cell, capability: string): void {
  if (eraOf(upstream) === 'legacy') expectIn(result ?? { error }, { isError: true, content: [{ text: containing(capability) }] });
  else expectIn(error ?? { result }, { code: -32_021, data: { requiredCapabilities: { [capability]: {} } } });
}

export const questionOrderScenarios: readonly Scenario[] = [
  course({
    id: 'at-once',
    says: 'several questions at the same time get their own answers',
    tool: 'test_questions_at_once',
    args: { count: 3 },
    text: '["sampled q0","sampled q1","sampled q2"]',
    asked: [{ method: 'sampling/createMessage' }, { method: 'sampling/createMessage' }, { method: 'sampling/createMessage' }],
  }),
  course({
    id: 'of-every-kind',
    says: 'questions of different kinds come together',
    tool: 'test_input_required_result_multiple_inputs',
    needs: FORMS,
    text: 'Answered: user_name, greeting, client_roots',
    asked: [form('What is your name?'), sampled('Generate a greeting'), roots],
  }),
  course({
    id: 'in-rounds',
    says: 'a question follows an answer',
    tool: 'test_input_required_result_multi_round',
    needs: FORMS,
    text: 'named Step 1: What is your name? likes my color',
    asked: [form('Step 1: What is your name?'), form('Step 2: What is your favorite color?')],
  }),
  course({
    id: 'chain',
    says: 'questions are made of the answers before them',
    tool: 'test_question_chain',
    args: { depth: 4 },
    needs: FORMS,
    text: CHAIN[3],
    asked: [sampled('start>0'), form(`${CHAIN[0]}>1`), sampled(`${CHAIN[1]}>2`), form(`${CHAIN[2]}>3`)],
  }),
  {
    id: 'between',
    topic,
    says: 'progress and log lines come before and after a question',
    needs: FORMS,
    async play(stage) {
      await (await stage.player()).setLevel('warning');
      const outcome = await stage.call('test_question_between', {}, { meta: { progressToken: 9 } });
      expectIn(outcome.result ?? { error: outcome.error }, { content: [{ text: 'Answered between: named What is your name?' }] });
      const of = (method: string, key: string) => outcome.told.flatMap((each) => (each.method === method ? [each.params[key]] : []));
      expectIn(of('notifications/progress', 'progress'), [1, 2], 'progress');
      await eventually(() => of('notifications/message', 'data').length > 1, 5000);
      expectIn(of('notifications/message', 'data'), ['before the question', 'after the question'], 'log');
    },
  },
  {
    id: 'concurrent-questions',
    topic,
    says: 'concurrent calls that ask get the answers to their own questions',
    async play(stage) {
      const prompts = ['one', 'two', 'three', 'four', 'five'];
      const outcomes = await Promise.all(prompts.map((prompt) => stage.call('test_sampling', { prompt })));
      expectIn(
        outcomes.map(({ result }) => result),
        prompts.map((prompt) => ({ content: [{ text: `LLM response: sampled ${prompt}` }] })),
      );
    },
  },
  {
    id: 'prompt-asks',
    topic,
    says: 'a prompt asks before it is there',
    needs: FORMS,
    async play(stage) {
      const outcome = await stage.request('prompts/get', { name: stage.server.prompt('test_input_required_result_prompt') });
      expectIn(outcome.result ?? { error: outcome.error }, { messages: [{ content: { text: 'Context: my context' } }] });
      expectQuestions(stage.cell, outcome, [form('What context should the prompt use?')]);
    },
  },
  {
    id: 'resource-asks',
    topic,
    says: 'a resource asks before it is read',
    needs: FORMS,
    async play(stage) {
      const outcome = await stage.request('resources/read', { uri: 'test://asking-resource' });
      expectIn(outcome.result ?? { error: outcome.error }, { contents: [{ text: 'The text of named Whose text?' }] });
      expectQuestions(stage.cell, outcome, [form('Whose text?')]);
    },
  },
  course({
    id: 'sampling-apart',
    says: 'a server that asks for a sample on its GET stream gets it',
    tool: 'test_sampling_apart',
    args: { prompt: 'apart' },
    text: 'Sampled apart: sampled apart',
    asked: [sampled('apart')],
  }),
  course({
    id: 'form-apart',
    says: 'a server that brings a form on its GET stream gets it filled in',
    tool: 'test_elicitation_apart',
    needs: FORMS,
    text: 'Asked apart: {"action":"accept","content":{"name":"named What is your name?"}}',
    asked: [form('What is your name?')],
  }),
  {
    id: 'roots-apart',
    topic,
    says: 'a server that asks for roots on its GET stream gets them, if need be those the client has named before',
    async play(stage) {
      await stage.call('test_list_roots');
      const { result, error } = await stage.call('test_list_roots_apart');
      expectIn(result ?? { error }, { content: [{ text: `Roots apart: ${JSON.stringify(ROOTS)}` }] });
    },
  },
  {
    id: 'sampling-refused',
    topic,
    says: 'a sample that the user refuses fails the call, not the session',
    needs: { clientEra: 'legacy' },
    async play(stage) {
      const { result, error } = await stage.call('test_sampling', { prompt: 'refuse this' });
      if (error === undefined) expectIn(result, { isError: true });
      expectIn((await stage.call('test_simple_text')).result, { content: [{ type: 'text' }] });
    },
  },
  {
    id: 'undeclared',
    topic,
    says: 'what a client has not declared is not asked of it, and fails at once',
    async play(stage) {
      const player = await stage.player({});
      const call = (name: string, args: Json) => player.request('tools/call', { name: stage.server.tool(name), arguments: args });
      isRefused(await call('test_sampling', { prompt: 'x' }), stage.cell, 'sampling');
      isRefused(await call('test_list_roots', {}), stage.cell, 'roots');
      isRefused(await call('test_elicitation', { message: 'x' }), stage.cell, 'elicitation');
    },
  },
  {
    id: 'asks-what-is-declared',
    topic,
    says: 'a server asks by what the client has declared',
    async play(stage) {
      const player = await stage.player({ roots: {} });
      const outcome = await player.request('tools/call', {
        name: stage.server.tool('test_input_required_result_capabilities'),
        arguments: {},
      });
      expectIn(outcome.result ?? { error: outcome.error }, { content: [{ text: 'Answered: client_roots' }] });
      expectQuestions(stage.cell, outcome, [roots]);
    },
  },
];
