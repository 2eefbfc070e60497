// What clients ask of servers and what servers answer, by method. A method that is not here – an extension's, another revision's –
// has no schema of ours: whoever gets it says what it is.
import { z } from 'zod';
import { anyObject, label, level, listFilter, MODERN_SINCE, open, text, texts, uri, type Parts, type Shape } from './parts.ts';
import type { Questions } from './questions.ts';

export interface Calls {
  /** By method: the params, undefined where none were sent. */
  readonly params: ReadonlyMap<string, z.ZodType>;
  /** By method: the result. */
  readonly results: ReadonlyMap<string, z.ZodType>;
}

const ENVELOPE = 'io.modelcontextprotocol/';
/** Methods whose complete results say how long they are good (2026-07-28). */
const CACHEABLE = ['server/discover', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'resources/read'];
/** Methods that may be answered by questions (2026-07-28). */
const ASKING = ['tools/call', 'prompts/get', 'resources/read'];

export function callsOf(parts: Parts, questions: Questions): Calls {
  const params = paramsOf(parts);
  const results = resultsOf(parts);
  if (!parts.isModern) {
    const meta = open({ progressToken: label.optional() }).optional();
    return {
      params: mapped(params, (shape, method) => (isOptional(method) ? open({ ...shape, _meta: meta }).optional() : open({ ...shape, _meta: meta }))),
      results: mapped(results, (shape) => open({ ...shape, _meta: anyObject.optional() })),
    };
  }
  const meta = open({
    [`${ENVELOPE}protocolVersion`]: text,
    [`${ENVELOPE}clientCapabilities`]: parts.capabilities,
    [`${ENVELOPE}clientInfo`]: parts.implementation.optional(),
    [`${ENVELOPE}logLevel`]: level.optional(),
    progressToken: label.optional(),
  });
  const retry = { inputResponses: z.record(text, anyObject).optional(), requestState: text.optional() };
  return {
    params: mapped(params, (shape, method) => open({ ...shape, ...(ASKING.includes(method) && retry), _meta: meta })),
    results: mapped(results, (shape, method) => modernResult(shape, method, questions)),
  };
}

/** By what `resultType` says it is. Values of extensions have no schema here. */
function modernResult(shape: Shape, method: string, { asked }: Questions): z.ZodType {
  const validity = { ttlMs: z.int().min(0), cacheScope: z.enum(['public', 'private']) };
  const complete = open({ ...shape, ...(CACHEABLE.includes(method) && validity) });
  const question = open({ method: text, params: z.unknown().optional() }).superRefine(({ method: name, params }, context) => {
    const schema = asked.get(name);
    if (schema === undefined) context.addIssue({ code: 'custom', path: ['method'], message: 'is nothing that a server may ask' });
    for (const { path, message } of schema?.safeParse(params).error?.issues ?? [])
      context.addIssue({ code: 'custom', path: ['params', ...path], message });
  });
  const inputRequired = open({ inputRequests: z.record(text, question).optional(), requestState: text.optional() }).refine(
    (value) => value.inputRequests !== undefined || value.requestState !== undefined,
    'must have inputRequests or requestState',
  );
  return open({ resultType: text, _meta: anyObject.optional() }).superRefine((value, context) => {
    if (value.resultType === 'input_required' && !ASKING.includes(method))
      context.addIssue({ code: 'custom', path: ['resultType'], message: `must not be input_required for ${method}` });
    const schema = value.resultType === 'complete' ? complete : value.resultType === 'input_required' ? inputRequired : anyObject;
    for (const { path, message } of schema.safeParse(value).error?.issues ?? []) context.addIssue({ code: 'custom', path, message });
  });
}

function paramsOf(parts: Parts): ReadonlyMap<string, Shape> {
  const page = { cursor: text.optional() };
  const ref = z.discriminatedUnion('type', [
    open({ type: z.literal('ref/prompt'), name: text }),
    open({ type: z.literal('ref/resource'), uri: text }),
  ]);
  const task = parts.hasTasks ? { task: open({ ttl: z.number().optional() }).optional() } : {};
  return new Map<string, Shape>([
    ['tools/list', page],
    ['tools/call', { name: text, arguments: anyObject.optional(), ...task }],
    ['resources/list', page],
    ['resources/templates/list', page],
    ['resources/read', { uri }],
    ['prompts/list', page],
    ['prompts/get', { name: text, arguments: texts.optional() }],
    [
      'completion/complete',
      { ref, argument: open({ name: text, value: text }), ...(parts.hasLinks && { context: open({ arguments: texts.optional() }).optional() }) },
    ],
    ...(parts.isModern ? modernParams() : legacyParams(parts)),
  ]);
}

function modernParams(): [string, Shape][] {
  return [
    ['server/discover', {}],
    ['subscriptions/listen', { notifications: listFilter }],
  ];
}

function legacyParams(parts: Parts): [string, Shape][] {
  const task = { taskId: text };
  return [
    ['initialize', { protocolVersion: text, capabilities: parts.capabilities, clientInfo: parts.implementation }],
    ['ping', {}],
    ['resources/subscribe', { uri }],
    ['resources/unsubscribe', { uri }],
    ['logging/setLevel', { level }],
    ...(parts.hasTasks ? TASK_METHODS.map((method): [string, Shape] => [method, method === 'tasks/list' ? { cursor: text.optional() } : task]) : []),
  ];
}

const TASK_METHODS = ['tasks/get', 'tasks/result', 'tasks/cancel', 'tasks/list'];

function isOptional(method: string): boolean {
  return method === 'ping' || method.endsWith('/list');
}

function resultsOf(parts: Parts): ReadonlyMap<string, Shape> {
  const paged = (key: string, item: z.ZodType): Shape => ({ [key]: z.array(item), nextCursor: text.optional() });
  const role = z.enum(['user', 'assistant']);
  const called: Shape = {
    content: z.array(parts.block),
    isError: z.boolean().optional(),
    ...(parts.hasLinks && parts.version < MODERN_SINCE && { structuredContent: anyObject.optional() }),
  };
  return new Map<string, Shape>([
    ['tools/list', paged('tools', parts.tool)],
    ['tools/call', called],
    ['resources/list', paged('resources', parts.resource)],
    ['resources/templates/list', paged('resourceTemplates', parts.template)],
    ['resources/read', { contents: z.array(parts.contents) }],
    ['prompts/list', paged('prompts', parts.prompt)],
    ['prompts/get', { description: text.optional(), messages: z.array(open({ role, content: parts.block })) }],
    ['completion/complete', { completion: open({ values: z.array(text).max(100), total: z.int().optional(), hasMore: z.boolean().optional() }) }],
    ...(parts.isModern ? modernResults(parts) : legacyResults(parts, paged)),
  ]);
}

function modernResults(parts: Parts): [string, Shape][] {
  return [
    ['server/discover', { supportedVersions: z.array(text), capabilities: parts.capabilities, instructions: text.optional() }],
    ['subscriptions/listen', {}],
  ];
}

function legacyResults(parts: Parts, paged: (key: string, item: z.ZodType) => Shape): [string, Shape][] {
  const { shape: task } = parts.task;
  return [
    ['initialize', { protocolVersion: text, capabilities: parts.capabilities, serverInfo: parts.implementation, instructions: text.optional() }],
    ['ping', {}],
    ['resources/subscribe', {}],
    ['resources/unsubscribe', {}],
    ['logging/setLevel', {}],
    ...(parts.hasTasks
      ? ([
          ['tasks/get', task],
          ['tasks/cancel', task],
          ['tasks/list', paged('tasks', parts.task)],
        ] as [string, Shape][])
      : []),
  ];
}

function mapped(shapes: ReadonlyMap<string, Shape>, make: (shape: Shape, method: string) => z.ZodType): Map<string, z.ZodType> {
  return new Map([...shapes].map(([method, shape]) => [method, make(shape, method)]));
}
