// What the calls of modern clients share.
import type { BridgeParts } from '../bridge-parts.ts';
import type { ModernTasks } from '../tasks/modern-tasks.ts';
import type { CallClient } from './call-client.ts';
import type { ClientLeg } from './client-leg.ts';
import type { HeardOfLists, LegBook, Place } from './leg-book.ts';
import type { ParkedCalls } from './parked-calls.ts';
import type { Question } from './question.ts';
import type { RequestStates } from './request-state.ts';

export interface ModernParts extends BridgeParts {
  readonly legs: LegBook;
  readonly parked: ParkedCalls;
  readonly states: RequestStates;
  readonly tasks: ModernTasks;
  readonly heardOfLists: HeardOfLists;
  /** A question has come to its end, one way or another. */
  questionOver(place: Place, question: Question, outcome: 'ok' | 'cancelled' | 'expired'): void;
  /** The upstream has answered. */
  finalAnswer(final: FinalAnswer): void;
}

export interface FinalAnswer {
  readonly place: Place;
  readonly leg: ClientLeg | undefined;
  readonly client: CallClient;
  /** The upstream's answer, as latin1. */
  readonly text: string;
  /** Of the upstream's answer, those that may pass; flat. */
  readonly headers: readonly string[];
}
