/** How the scripted clients answer what a server asks of them: always the same, from everything-calls.json. */
import calls from './everything-calls.json' with { type: 'json' };

export type FormAnswer = { action: 'accept'; content: Record<string, string | number | boolean | string[]> } | { action: 'decline' | 'cancel' };

export interface ScriptedAnswers {
  roots(): { roots: { uri: string; name?: string }[] };
  changeRoots(): void;
  /** Throws, so that the server gets an error, when the prompt asks to be refused. */
  sample(params: unknown): { model: string; role: 'assistant'; stopReason: string; content: { type: 'text'; text: string } };
  elicit(params: unknown): FormAnswer;
}

export function createScriptedAnswers(): ScriptedAnswers {
  let roots: { uri: string; name?: string }[] = calls.roots;
  const forms = [...calls.formAnswers] as FormAnswer[];
  return {
    roots: () => ({ roots }),
    changeRoots() {
      roots = calls.laterRoots;
    },
    sample(params) {
      if (JSON.stringify(params).includes('refuse')) throw new Error('The user refused');
      return calls.sample as ReturnType<ScriptedAnswers['sample']>;
    },
    elicit(params) {
      const text = JSON.stringify(params);
      if (text.includes('"mode":"url"')) return { action: text.includes('Somewhere else') ? 'decline' : 'accept' } as FormAnswer;
      if (text.includes('multiple interpretations')) return calls.clarification as FormAnswer;
      return forms.shift() ?? (calls.laterForm as FormAnswer);
    },
  };
}
