// The parts that messages of several kinds are made of, in the words of one revision of MCP (schema.ts of the specification). What
// a revision does not have is not checked there: unknown fields are nobody's fault.
import { z } from 'zod';
import { AUDIO_SINCE, LINKS_SINCE, TOOLS_IN_SAMPLING_SINCE } from '../versions.ts';

export const MODERN_SINCE = '2026-07-28';

export type Shape = Record<string, z.ZodType>;

export const open = z.looseObject;
export const text = z.string();
/** An identifier of a request, or a token of its progress. */
export const label = z.union([text, z.int()], 'must be a string or a whole number');
export const anything = z.custom<unknown>((value) => value !== undefined, 'is missing');
export const anyObject = open({});
export const texts = z.record(text, text);
export const uri = text.regex(/^[A-Za-z][A-Za-z0-9+.-]*:/, 'must be a URI');
const bytes = z.base64('must be base64');
export const role = z.enum(['user', 'assistant']);
export const level = z.enum(['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']);
export const listFilter = open({
  toolsListChanged: z.boolean().optional(),
  promptsListChanged: z.boolean().optional(),
  resourcesListChanged: z.boolean().optional(),
  resourceSubscriptions: z.array(text).optional(),
});

export type Parts = ReturnType<typeof partsOf>;

/** @param version a revision's date */
export function partsOf(version: string) {
  const hasAudio = version >= AUDIO_SINCE;
  const hasLinks = version >= LINKS_SINCE;
  const hasIcons = version >= TOOLS_IN_SAMPLING_SINCE;
  const icon = open({ src: text, mimeType: text.optional(), sizes: z.array(text).optional(), theme: z.enum(['light', 'dark']).optional() });
  const named = { name: text, ...(hasLinks && { title: text.optional() }), ...(hasIcons && { icons: z.array(icon).optional() }) };
  const annotations = open({
    audience: z.array(role).optional(),
    priority: z.number().min(0).max(1).optional(),
    ...(hasLinks && { lastModified: text.optional() }),
  }).optional();

  const contents = open({ uri, mimeType: text.optional(), text: text.optional(), blob: bytes.optional() }).refine(
    (value) => (value.text === undefined) !== (value.blob === undefined),
    'must have either text or blob',
  );
  const about = { description: text.optional(), mimeType: text.optional() };
  const resource = open({ ...named, ...about, uri, annotations, size: z.number().optional() });
  const media = { data: bytes, mimeType: text, annotations };
  const spoken = [
    open({ type: z.literal('text'), text, annotations }),
    open({ type: z.literal('image'), ...media }),
    ...(hasAudio ? [open({ type: z.literal('audio'), ...media })] : []),
  ] as const;
  const block = z.discriminatedUnion('type', [
    ...spoken,
    open({ type: z.literal('resource'), resource: contents, annotations }),
    ...(hasLinks ? [resource.extend({ type: z.literal('resource_link') })] : []),
  ]);

  const objectSchema = open({
    type: z.literal('object'),
    ...(version < MODERN_SINCE && { properties: z.record(text, z.union([anyObject, z.boolean()], 'must be a schema')).optional() }),
    required: z.array(text).optional(),
  });
  const tool = open({
    ...named,
    description: text.optional(),
    inputSchema: objectSchema,
    ...(hasLinks && { outputSchema: (version < MODERN_SINCE ? objectSchema : anyObject).optional() }),
    ...(hasAudio && {
      annotations: open({
        title: text.optional(),
        readOnlyHint: z.boolean().optional(),
        destructiveHint: z.boolean().optional(),
        idempotentHint: z.boolean().optional(),
        openWorldHint: z.boolean().optional(),
      }).optional(),
    }),
    ...(version === TOOLS_IN_SAMPLING_SINCE && {
      execution: open({ taskSupport: z.enum(['forbidden', 'optional', 'required']).optional() }).optional(),
    }),
  });

  return {
    version,
    hasAudio,
    hasLinks,
    isModern: version >= MODERN_SINCE,
    /** 2025-11-25 and later. */
    hasIcons,
    /** 2025-11-25 and no other. */
    hasTasks: version === TOOLS_IN_SAMPLING_SINCE,
    implementation: open({ ...named, version: text }),
    capabilities: z.record(text, z.unknown()),
    contents,
    block,
    spoken,
    resource,
    template: open({ ...named, ...about, uriTemplate: text, annotations }),
    prompt: open({
      ...named,
      description: text.optional(),
      arguments: z.array(open({ ...named, description: text.optional(), required: z.boolean().optional() })).optional(),
    }),
    tool,
    task: open({
      taskId: text,
      status: z.enum(['working', 'input_required', 'completed', 'failed', 'cancelled']),
      createdAt: text,
      lastUpdatedAt: text,
      ttl: z.number().nullable(),
      pollInterval: z.number().optional(),
      statusMessage: text.optional(),
    }),
  };
}
