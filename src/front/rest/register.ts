// Turns route data into routes: parses each part of the request by its schema, calls the handler, and writes the attempt to the
// audit trail whether it succeeded or not.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Authenticator } from '#base/access';
import { normaliseBody, RouteReply, type NormalBody, type RouteContext, type RouteSpec } from '#control-plane/http-contract';
import { attemptOf, startAttempt, type Attempt } from './attempt.ts';
import { guard, NOBODY } from './auth-guard.ts';
import { ensureJsonType } from './body-parser.ts';
import type { RestAppParts } from './rest-app-parts.ts';
import { validationError, type InputPart } from './validation-error.ts';

type RegisterParts = Pick<RestAppParts, 'recordChange' | 'clientAddressOf'> & { readonly authenticator: Authenticator };

export function registerRoute(app: FastifyInstance, route: RouteSpec, parts: RegisterParts): void {
  const paths = route.isUnversioned === true ? [route.path] : [route.path, `/v1${route.path}`];
  for (const url of paths) {
    app.route({
      method: route.method,
      url,
      onRequest: async (request) => {
        const attempt: Attempt = {
          route,
          principal: NOBODY,
          resource: { id: idOf(request.params), name: '' },
          errorCode: '',
          startedAtMs: Date.now(),
        };
        startAttempt(request, attempt);
        attempt.principal = await guard(route, parts.authenticator, request.headers.authorization);
        // Fastify parses no body where the client declares none.
        if (route.input.body !== undefined && request.headers['content-type'] === undefined) ensureJsonType(request);
      },
      handler: async (request, reply) => await answer(route, request, reply, parts),
      onSend: async (request, reply, payload) => {
        record(route, request, reply, parts);
        return payload;
      },
    });
  }
}

async function answer(route: RouteSpec, request: FastifyRequest, reply: FastifyReply, parts: RegisterParts): Promise<unknown> {
  const attempt = attemptOf(request) as Attempt;
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  const result = await route.handler({
    ...callerOf(request, attempt.principal, parts),
    ...parseInput(route, request),
    headers: request.headers,
    signal: gone.signal,
  });
  if (result instanceof RouteReply) return reply.code(result.status).send(result.body);
  if (route.change?.action === 'create' || attempt.resource.id !== '') attempt.resource = resourceIn(result) ?? attempt.resource;
  return reply.code(route.successStatus).send(result);
}

function callerOf(request: FastifyRequest, principal: Attempt['principal'], parts: RegisterParts) {
  return {
    principal,
    clientAddress: parts.clientAddressOf?.(request.raw) ?? request.raw.socket.remoteAddress ?? '',
    userAgent: request.headers['user-agent']?.slice(0, 512),
    correlationId: request.id,
  };
}

function parseInput(route: RouteSpec, request: FastifyRequest): Pick<RouteContext, 'params' | 'query' | 'body'> {
  const { params, query, body, bodyWrapper, isBodyVerbatim } = route.input;
  const issues: z.core.$ZodIssue[] = [];
  const parse = (part: InputPart, schema: z.ZodType | undefined, value: unknown, spelling?: (field: string) => string): unknown => {
    if (schema === undefined) return undefined;
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    issues.push(
      ...result.error.issues.map((issue) => ({
        ...issue,
        path: [part, ...issue.path.map((step, at) => (at === 0 && typeof step === 'string' ? (spelling?.(step) ?? step) : step))],
      })),
    );
    return undefined;
  };
  const normal = isBodyVerbatim === true ? asItIs(request.body) : normaliseBody(request.body, bodyWrapper);
  const input = {
    params: parse('path', params, request.params),
    query: parse('query', query, queryValues(query, request.query)),
    body: parse('body', body, normal.value, (field) => normal.spelling(field)),
  };
  if (issues.length > 0) throw validationError(issues);
  return input;
}

function asItIs(value: unknown): NormalBody {
  return { value, spelling: (field) => field };
}

/** A parameter sent several times is a list where the schema takes lists; elsewhere the last counts, as the contract's servers read it. */
function queryValues(schema: z.ZodType | undefined, query: unknown): unknown {
  const entries = Object.entries(query as Record<string, unknown>);
  const hasLists = entries.some(([, value]) => Array.isArray(value));
  if (!hasLists || schema === undefined || schema.safeParse(query).success) return query;
  return Object.fromEntries(entries.map(([key, value]) => [key, Array.isArray(value) ? value[value.length - 1] : value]));
}

function record(route: RouteSpec, request: FastifyRequest, reply: FastifyReply, parts: RegisterParts): void {
  const attempt = attemptOf(request);
  if (route.change === undefined || attempt === undefined) return;
  const atMs = Date.now();
  parts.recordChange({
    caller: callerOf(request, attempt.principal, parts),
    action: route.change.action,
    resourceType: route.change.resourceType,
    resourceId: attempt.resource.id,
    resourceName: attempt.resource.name,
    httpStatus: reply.statusCode,
    errorCode: attempt.errorCode,
    atMs,
    durationMs: atMs - attempt.startedAtMs,
  });
}

function idOf(params: unknown): string {
  const id = (params as { id?: unknown } | undefined)?.id;
  return typeof id === 'string' ? id : '';
}

/** The entity in an answer: bare, or under its kind in /state answers. */
function resourceIn(result: unknown): { id: string; name: string } | undefined {
  if (typeof result !== 'object' || result === null) return undefined;
  for (const candidate of [result, ...Object.values(result)]) {
    const { id, name } = (typeof candidate === 'object' && candidate !== null ? candidate : {}) as { id?: unknown; name?: unknown };
    if (typeof id === 'string' && typeof name === 'string') return { id, name };
  }
  return undefined;
}
