// The adapter for upstreams over streamable HTTP.
import { AppError } from '#base/kernel';
import type { Outbound } from '#base/net';
import type { UpstreamCall, UpstreamPort } from '#data-plane/gateway';
import type { HealthBook } from '../health.ts';
import { HttpCall, type CallTarget } from './http-call.ts';

const NOT_SENT: UpstreamCall = { cancel() {}, pause() {}, resume() {} };

export function createMcpHttpUpstream(outbound: Outbound, health: HealthBook): UpstreamPort {
  // By URL text, which is as long-lived as the row it comes from.
  const targets = new Map<string, CallTarget>();

  function targetOf(url: string): CallTarget {
    let target = targets.get(url);
    if (target === undefined) {
      const parsed = new URL(url);
      target = { origin: parsed.origin, path: parsed.pathname + parsed.search };
      if (targets.size > 10_000) targets.clear();
      targets.set(url, target);
    }
    return target;
  }

  return {
    open(request, sink, observer) {
      const { upstream } = request;
      const refusal = health.admit(upstream.id);
      if (refusal !== undefined) {
        sink.fail(new AppError('upstream.down', `Gateway "${upstream.name}" is down: ${refusal}`));
        return NOT_SENT;
      }
      const call = new HttpCall(outbound, health, targetOf(upstream.url), request, sink, observer);
      call.send();
      return call;
    },
  };
}
