// Takes the call through the gates of its server and its upstream, or refuses it at once with the time to come back.
import { isLimited } from '#base/protocol';
import type { Exchange } from '../exchange.ts';
import type { LimitGate } from '../limits.ts';

export function limitBy(gates: readonly LimitGate[]): (exchange: Exchange) => void {
  return (exchange) => {
    const { envelope, verb } = exchange.request;
    // To open a stream or to end a session is no call; a client must be able to fetch the answer of the call that fills the limit.
    if (verb !== 'POST' || envelope.kind !== 'request' || !isLimited(envelope.method)) return;
    const entered: LimitGate[] = [];
    try {
      for (const gate of gates) {
        gate.enter(exchange.atMs);
        entered.push(gate);
      }
    } catch (refusal) {
      for (const gate of entered) gate.leave();
      throw refusal;
    }
    exchange.gates = entered;
  };
}
