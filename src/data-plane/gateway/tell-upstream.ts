// Says something to an upstream that nobody waits for: that a session has ended, that a call is not wanted any more. An upstream
// that never answers must not keep the connection: others need it for their clients' replies.
import type { UpstreamPort, UpstreamRequest } from './seams.ts';

const ANSWER_MAX_MS = 10_000;

/** Resolves when the upstream has answered or was not to be reached; never rejects. */
export function tellUpstream(upstream: UpstreamPort, request: UpstreamRequest): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const over = (): void => {
    isOver = true;
    clearTimeout(timer);
    resolve();
  };
  const call = upstream.open(request, { head() {}, chunk: () => true, event: () => true, end: over, fail: over });
  if (isOver) return promise;
  timer = setTimeout(() => {
    call.cancel();
    resolve();
  }, ANSWER_MAX_MS);
  timer.unref();
  return promise;
}
