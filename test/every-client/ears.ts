// What an application behind an SDK hears without having asked, and what it answers: the same for each SDK.
import type { Inbox } from '../sessions/inbox.ts';
import { createInbox } from '../sessions/inbox.ts';
import { createScriptedAnswers } from '../sessions/scripted-answers.ts';
import type { ScriptedAnswers } from '../sessions/scripted-answers.ts';
import type { Message } from './client-words.ts';

export interface Ears {
  readonly inbox: Inbox;
  /** All notifications, in the order they came. */
  readonly told: Message[];
  hear(notification: { method: string; params?: unknown }): Promise<void>;
  roots(request: { method: string; params?: unknown }): ReturnType<ScriptedAnswers['roots']>;
  sample(request: { method: string; params?: unknown }): ReturnType<ScriptedAnswers['sample']>;
  elicit(request: { method: string; params?: unknown }): ReturnType<ScriptedAnswers['elicit']>;
  readonly progress: (step: unknown) => void;
  /** What was asked and how far the call is since this was last read. */
  read(): { asked: Message[]; progress: unknown[] };
}

export function createEars(): Ears {
  const inbox = createInbox();
  const answers = createScriptedAnswers();
  const told: Message[] = [];
  const asked: Message[] = [];
  const progress: unknown[] = [];
  const note = ({ method, params }: { method: string; params?: unknown }): unknown => {
    asked.push({ method, params: params ?? null });
    return params;
  };
  return {
    inbox,
    told,
    async hear({ method, params }) {
      told.push({ method, params: params ?? null });
      inbox.add(method, params);
    },
    roots(request) {
      note(request);
      return answers.roots();
    },
    sample: (request) => answers.sample(note(request)),
    elicit: (request) => answers.elicit(note(request)),
    progress: (step) => void progress.push(step),
    read: () => ({ asked: asked.splice(0), progress: progress.splice(0) }),
  };
}
