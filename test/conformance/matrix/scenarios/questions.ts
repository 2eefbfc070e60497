// What a server asks in the middle of a call: each era's way for the client, whichever way the upstream has.
import { containing, expectIn } from '../difference.ts';
import { ROOTS } from '../client-answers.ts';
import { eraOf } from '../revisions.ts';
import type { Scenario } from '../scenario.ts';
import { course, expectQuestions, form, FORMS, roots, sampled, topic, URLS } from './question-course.ts';

export const questionScenarios: readonly Scenario[] = [
  course({
    id: 'sampling',
    says: 'the client samples',
    tool: 'test_sampling',
    args: { prompt: 'hello' },
    text: 'LLM response: sampled hello',
    asked: [sampled('hello', { maxTokens: 100 })],
  }),
  course({ id: 'roots', says: 'the client lists its roots', tool: 'test_list_roots', text: JSON.stringify(ROOTS), asked: [roots] }),
  course({
    id: 'form',
    says: 'the user fills in a form',
    tool: 'test_elicitation',
    args: { message: 'Who?' },
    needs: FORMS,
    text: 'User response: action=accept, content={"username":"my username","email":"my email"}',
    asked: [form('Who?')],
  }),
  course({
    id: 'form-declined',
    says: 'the user declines a form',
    tool: 'test_elicitation',
    args: { message: 'please decline' },
    needs: FORMS,
    text: 'User response: action=decline, content={}',
    asked: [form('please decline')],
  }),
  course({
    id: 'form-dismissed',
    says: 'the user dismisses a form',
    tool: 'test_elicitation',
    args: { message: 'please dismiss' },
    needs: FORMS,
    text: 'User response: action=cancel, content={}',
    asked: [form('please dismiss')],
  }),
  course({
    id: 'form-defaults',
    says: 'a form brings its defaults',
    tool: 'test_elicitation_sep1034_defaults',
    needs: FORMS,
    text: 'Elicitation completed: action=accept, content={"name":"John Doe","age":30,"score":95.5,"status":"active","verified":true}',
    asked: [{ method: 'elicitation/create', params: { requestedSchema: { properties: { age: { default: 30 }, verified: { default: true } } } } }],
  }),
  {
    id: 'form-choices',
    topic,
    says: 'a form brings every kind of choice; one with lists is declined for clients before 2025-11-25',
    needs: FORMS,
    async play(stage) {
      const outcome = await stage.call('test_elicitation_sep1330_enums');
      const chosen = { untitledSingle: 'option1', titledSingle: 'value1', legacyEnum: 'opt1', untitledMulti: ['option1'], titledMulti: ['value1'] };
      const isNew = stage.cell.client >= '2025-11-25';
      const text = isNew
        ? `Elicitation completed: action=accept, content=${JSON.stringify(chosen)}`
        : 'Elicitation completed: action=decline, content={}';
      expectIn(outcome.result ?? { error: outcome.error }, { content: [{ text }] });
      const titledMulti = { type: 'array', items: { anyOf: [{ const: 'value1', title: 'First Choice' }, {}, {}] } };
      expectQuestions(
        stage.cell,
        outcome,
        isNew ? [{ method: 'elicitation/create', params: { requestedSchema: { properties: { titledMulti } } } }] : [],
      );
    },
  },
  course({
    id: 'url',
    says: 'the user is sent to a page',
    tool: 'test_elicitation_url',
    needs: URLS,
    text: 'Consent: accept',
    asked: [{ method: 'elicitation/create', params: { mode: 'url', url: containing('https://example.com/sign-in?id=') } }],
  }),
  {
    id: 'url-first',
    topic,
    says: 'a page that must be visited first is an error of 2025-11-25 and a question of 2026-07-28',
    needs: URLS,
    async play(stage) {
      const { client, upstream, kind } = stage.cell;
      const outcome = await stage.call('test_url_elicitation_required', { visit: `${client} ${kind}` });
      if (eraOf(client) === 'legacy' && eraOf(upstream) === 'legacy') {
        expectIn(outcome.error, { code: -32_042, data: { elicitations: [{ mode: 'url', url: containing('https://example.com/') }] } }, 'error');
      } else {
        expectIn(outcome.result ?? { error: outcome.error }, { content: [{ text: 'Welcome' }] });
        expectQuestions(stage.cell, outcome, [{ method: 'elicitation/create', params: { mode: 'url', url: containing('https://example.com/') } }]);
      }
    },
  },
];
