// What is known of a request under way: which route took it, who sent it, and what the audit trail will say of it.
import type { FastifyRequest } from 'fastify';
import type { Principal } from '#base/access';
import type { RouteSpec } from '#control-plane/http-contract';

export interface Attempt {
  readonly route: RouteSpec;
  readonly startedAtMs: number;
  principal: Principal;
  resource: { readonly id: string; readonly name: string };
  /** Empty on success. */
  errorCode: string;
}

const attempts = new WeakMap<FastifyRequest, Attempt>();

export function startAttempt(request: FastifyRequest, attempt: Attempt): void {
  attempts.set(request, attempt);
}

/** Undefined when no route took the request. */
export function attemptOf(request: FastifyRequest): Attempt | undefined {
  return attempts.get(request);
}
