// Progress of one call as its client wants it: always more than before (MCP "Progress"). An upstream that is called again for another
// round begins to count anew.
import { valueAt } from '#base/protocol';

export class ProgressGauge {
  #highest = Number.NEGATIVE_INFINITY;
  #floor = Number.NEGATIVE_INFINITY;

  /** The upstream is called again. */
  newRound(): void {
    this.#floor = this.#highest;
  }

  /** @param text a `notifications/progress` */
  isNews(text: string): boolean {
    const progress = Number(valueAt(text, ['params', 'progress']));
    // What is no number is the client's to judge, as it would be without a gateway.
    if (Number.isNaN(progress)) return true;
    if (progress <= this.#floor) return false;
    this.#highest = Math.max(this.#highest, progress);
    return true;
  }
}
