// Stands in the list of stages of servers that check strictly, and of no others.
import type { Logger } from '#base/kernel';
import { StrictCheck } from '../strict-check.ts';
import type { Stage } from './stage.ts';

export function checkStrictly(log: Logger): Stage {
  return (exchange) => {
    exchange.strict = new StrictCheck(exchange, log);
    if (exchange.request.verb === 'POST') exchange.strict.client();
  };
}
