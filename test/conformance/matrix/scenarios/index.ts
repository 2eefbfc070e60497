// All scenarios in the order in which a cell plays them. Those that change what the client has set come after those that rest on it.
import type { Scenario } from '../scenario.ts';
import { contentScenarios } from './content.ts';
import { errorScenarios } from './errors.ts';
import { openingScenarios } from './opening.ts';
import { questionOrderScenarios } from './question-order.ts';
import { questionScenarios } from './questions.ts';
import { streamScenarios } from './streams.ts';
import { taskScenarios } from './tasks.ts';

export const scenarios: readonly Scenario[] = [
  ...openingScenarios,
  ...contentScenarios,
  ...errorScenarios,
  ...streamScenarios,
  ...questionScenarios,
  ...questionOrderScenarios,
  ...taskScenarios,
];
