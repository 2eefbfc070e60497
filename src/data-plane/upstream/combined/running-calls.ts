// The calls of one session that are under way, so that a cancel finds its own. An array with swap-removal, and no closures stored with
// calls, for the reasons in call-clock.ts and seams.ts (measured: a closure for the end of each call made collecting garbage four times dearer).
import type { Leg } from '../leg/leg.ts';
import type { CallWatcher, RoutedCall } from './routed-call.ts';

export interface RunningCall {
  /** The client's own id as it is written. */
  readonly id: string;
  readonly call: RoutedCall;
  readonly leg: Leg;
}

export class RunningCalls implements CallWatcher {
  readonly #running: RunningCall[] = [];

  add(running: RunningCall): void {
    this.#running.push(running);
  }

  callIsOver(call: RoutedCall): void {
    const at = this.#running.findIndex((running) => running.call === call);
    if (at === -1) return;
    const last = this.#running.pop() as RunningCall;
    if (at < this.#running.length) this.#running[at] = last;
  }

  /** Of an id that is used twice the one that came last. */
  find(id: string | undefined): RunningCall | undefined {
    return id === undefined ? undefined : this.#running.findLast((running) => running.id === id);
  }
}
