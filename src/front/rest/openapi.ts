// The OpenAPI 3.1 document, written from the same route data and schemas that answer requests, so it cannot differ from them.
import { z } from 'zod';
import { AppError } from '#base/kernel';
import { defineRoute, type RouteSpec } from '#control-plane/http-contract';

export interface OpenApiSettings {
  readonly appName: string;
  readonly appVersion: string;
  readonly docsAllowBasicAuth: boolean;
  /** APP_ROOT_PATH: what stands before every path for clients; '' for nothing. */
  readonly rootPath: string;
}

type Json = Record<string, unknown>;

const MEANINGS: Readonly<Record<number, string>> = {
  400: 'A value cannot be used',
  401: 'No credential, or not a valid one',
  403: 'The caller may not do this',
  404: 'Not there, or not visible to the caller',
  409: 'In conflict with what exists',
  413: 'The body is too large',
  415: 'The body is not JSON',
  422: 'The request does not fit the schema',
  429: 'A limit; Retry-After says when to come back',
  502: 'The upstream failed',
  503: 'The database, or what the answer needs, is not available at the moment',
  504: 'The upstream did not answer in time',
};

/** @param routes what to describe, looked at when the document is first asked for */
export function openApiRoute(routes: readonly RouteSpec[], settings: OpenApiSettings): RouteSpec {
  let document: Json | undefined;
  return defineRoute({
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document',
    tags: ['system'],
    auth: 'user',
    input: {},
    output: z.record(z.string(), z.unknown()),
    successStatus: 200,
    statuses: [],
    isUnversioned: true,
    handler: async ({ principal }) => {
      if (principal.via === 'basic' && !settings.docsAllowBasicAuth)
        throw new AppError('auth.invalid', 'Basic is not taken here; send a bearer token.');
      return (document ??= describe(routes, settings));
    },
  });
}

function describe(routes: readonly RouteSpec[], settings: OpenApiSettings): Json {
  const schemas: Json = {};
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replace(/:([a-z_]+)/gi, '{$1}');
    (paths[path] ??= {})[route.method.toLowerCase()] = operation(route, schemas);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: settings.appName,
      version: settings.appVersion,
      description:
        'Every path answers with and without a trailing slash; those of entities also under /v1. Bodies may spell fields in camelCase or snake_case.',
    },
    ...(settings.rootPath === '' ? {} : { servers: [{ url: settings.rootPath }] }),
    paths,
    components: {
      schemas,
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, basic: { type: 'http', scheme: 'basic' } },
    },
  };
}

function operation(route: RouteSpec, schemas: Json): Json {
  const { params, query, body } = route.input;
  const parameters = [...parametersOf('path', params), ...parametersOf('query', query)];
  return {
    operationId: `${route.method.toLowerCase()}${route.path.replace(/[^a-zA-Z]+([a-zA-Z]?)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary: route.summary,
    tags: route.tags,
    security: route.auth === 'none' ? [] : [{ bearer: [] }, { basic: [] }],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body === undefined ? {} : { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input', schemas) } } } }),
    responses: {
      [route.successStatus]: { description: 'Done', content: { 'application/json': { schema: schemaOf(route.output, 'output', schemas) } } },
      ...Object.fromEntries(errorStatuses(route).map((status) => [status, errorResponse(route, status)])),
    },
  };
}

/** All error statuses this route can answer with, as documented. */
export function errorStatuses(route: RouteSpec): number[] {
  const statuses = new Set(route.statuses);
  if (route.auth !== 'none') for (const status of [401, 403, 503]) statuses.add(status);
  if (route.input.params !== undefined || route.input.query !== undefined || route.input.body !== undefined) statuses.add(422);
  // A path whose percent-encoding is broken.
  if (route.input.params !== undefined) statuses.add(400);
  if (route.input.body !== undefined) for (const status of [413, 415]) statuses.add(status);
  return [...statuses].sort((a, b) => a - b);
}

function errorResponse(route: RouteSpec, status: number): Json {
  const isList = status === 422;
  const key = status === 401 || isList ? 'detail' : (route.errorKey ?? 'detail');
  // A refusal of another kind that this route answers with the same status has the form of all others.
  const hasWords = isList && Object.values(route.statusOf ?? {}).includes(status);
  const fault = {
    type: 'object',
    properties: { type: { type: 'string' }, loc: { type: 'array', items: { type: ['string', 'integer'] } }, msg: { type: 'string' } },
  };
  const text = isList ? { type: 'array', items: fault } : { type: 'string' };
  const problem = {
    type: 'object',
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      code: { type: 'string' },
    },
  };
  const contract = { type: 'object', properties: { [key]: text }, required: [key] };
  const words = { type: 'object', properties: { [route.errorKey ?? 'detail']: { type: 'string' } }, required: [route.errorKey ?? 'detail'] };
  return {
    description: MEANINGS[status] ?? 'Refused',
    ...(status === 401 ? { headers: { 'WWW-Authenticate': { schema: { type: 'string' } } } } : {}),
    content: {
      'application/json': { schema: hasWords ? { anyOf: [contract, words] } : contract },
      'application/problem+json': { schema: problem },
    },
  };
}

function parametersOf(place: 'path' | 'query', schema: z.ZodType | undefined): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input', {}) as { properties?: Record<string, Json>; required?: string[] };
  return Object.entries(properties).map(([name, { description, ...shape }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: shape,
  }));
}

/** Named schemas (zod's `id`) are moved into `schemas` and referred to. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', schemas: Json): Json {
  const text = JSON.stringify(z.toJSONSchema(schema, { io, unrepresentable: 'any' })).replaceAll('"#/$defs/', '"#/components/schemas/');
  const { $schema: _, $defs, id, ...shape } = JSON.parse(text) as Json;
  for (const [name, named] of Object.entries(($defs ?? {}) as Record<string, Json>)) {
    const { id: _id, $schema: _schema, ...rest } = named;
    schemas[name] = rest;
  }
  if (typeof id !== 'string') return shape;
  schemas[id] = shape;
  return { $ref: `#/components/schemas/${id}` };
}
