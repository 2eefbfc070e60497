// REST as data: a room says what its routes take and give, the REST front registers them and writes the OpenAPI document from
// the same schemas. No room but front/rest knows which HTTP framework there is.
import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import type { ErrorCode } from '#base/kernel';
import type { Caller } from './caller.ts';

export type RouteMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface RouteContext<Params = unknown, Query = unknown, Body = unknown> extends Caller {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** As they came, for what is done in the caller's name elsewhere: they hold the credential. */
  readonly headers: IncomingHttpHeaders;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

export interface RouteInput<Params = unknown, Query = unknown, Body = unknown> {
  readonly params?: z.ZodType<Params>;
  readonly query?: z.ZodType<Query>;
  /** In camelCase; clients may send snake_case as well (request-body.ts). */
  readonly body?: z.ZodType<Body>;
  /** The key around the fields in a wrapped body; flat bodies are taken too (api.md 1.3). */
  readonly bodyWrapper?: string;
  /** The body's keys and values are the caller's own words: they are neither respelled nor trimmed. */
  readonly isBodyVerbatim?: boolean;
}

interface RouteFacts {
  readonly method: RouteMethod;
  /** Parameters as `:name`, e.g. `/gateways/:id/state`. */
  readonly path: string;
  readonly summary: string;
  readonly tags: readonly string[];
  /** `none`: no credential is looked at, the principal is nobody; `user`: any; `admin`: administrators, others get 403. */
  readonly auth: 'none' | 'user' | 'admin';
  readonly output: z.ZodType;
  readonly successStatus: number;
  /** The error statuses this route can give beyond those that all have (401, 403, 422, 503). */
  readonly statuses: readonly number[];
  /** Where the contract knows an error by another status here than everywhere else (api.md 1.6); its code stays. */
  readonly statusOf?: Partial<Readonly<Record<ErrorCode, number>>>;
  /** `message` for the contract's gateway routes, `{"detail": …}` otherwise (api.md 1.7). */
  readonly errorKey?: 'detail' | 'message';
  /** What is written to the audit trail when the route is called; absent for routes that change nothing. */
  readonly change?: { readonly action: 'create' | 'update' | 'delete' | 'state' | 'refresh'; readonly resourceType: string };
  /** `:id` may be a URI: percent-encoded, or as it is with its slashes. */
  readonly takesUri?: boolean;
  /** Answered at this path only, not under /v1 as well (api.md 1.1). */
  readonly isUnversioned?: boolean;
}

export interface RouteSpec extends RouteFacts {
  readonly input: RouteInput;
  /** The body of the answer, or a RouteReply to answer with another status than `successStatus`. Throws AppError. */
  handler(context: RouteContext): Promise<unknown>;
}

export interface TypedRoute<Params, Query, Body> extends RouteFacts {
  readonly input: RouteInput<Params, Query, Body>;
  handler(context: RouteContext<Params, Query, Body>): Promise<unknown>;
}

/** Gives the handler the types that the schemas parse to. */
export function defineRoute<Params = unknown, Query = unknown, Body = unknown>(route: TypedRoute<Params, Query, Body>): RouteSpec {
  return route;
}

/** An answer whose status is decided by the handler. */
export class RouteReply {
  readonly status: number;
  readonly body: unknown;

  constructor(status: number, body: unknown) {
    this.status = status;
    this.body = body;
  }
}
