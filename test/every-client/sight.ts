// What the application behind a client saw, made comparable: everything it was given, field by field, but for what differs between two
// direct runs.
import { createNames, normaliseMessage } from '../sessions/normalise.ts';
import type { About, Message } from './client-words.ts';
import type { Step, Transcript } from './play-script.ts';

export type Fields = Record<string, unknown>;

export interface SeenStep {
  value?: unknown;
  refusal?: { message: string; code?: number; data?: unknown };
  asked: Message[];
  progress: unknown[];
}

export interface Sight {
  about: About & { capabilities: Fields };
  /** By what was done, and how often that had been done before. */
  steps: Record<string, SeenStep>;
  told: Record<string, Fields[]>;
}

/** Each step with names of its own for volatile values, so that one that is unlike does not rename those after it. */
export function sightOf({ about, steps, told }: Transcript): Sight {
  const seen: Sight['steps'] = {};
  for (const { step, ...rest } of steps) {
    const label = `${step} (${String(timesBefore(seen, step) + 1)})`;
    seen[label] = withoutRoots(normaliseMessage(rest, createNames()) as Omit<Step, 'step'> as SeenStep);
  }
  const heard = Object.entries(told).map(([method, all]) => [
    method,
    all.map((params) => (normaliseMessage({ method, params: params ?? {} }, createNames()) as { params: Fields }).params),
  ]);
  return { about: normaliseMessage(about, createNames()) as Sight['about'], steps: seen, told: Object.fromEntries(heard) as Sight['told'] };
}

function timesBefore(seen: Sight['steps'], step: string): number {
  return Object.keys(seen).filter((label) => label.startsWith(`${step} (`)).length;
}

/** When it asks for roots is the server's own affair and goes by its clock; that it got them shows in what `get-roots-list` gives. */
function withoutRoots(step: SeenStep): SeenStep {
  return { ...step, asked: step.asked.filter(({ method }) => method !== 'roots/list') };
}
