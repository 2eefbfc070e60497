// What servers ask of clients, and what clients answer: as requests of their own before 2026-07-28, and within `input_required`
// results and the calls made after them since.
import { z } from 'zod';
import { anyObject, open, role, text, uri, type Parts } from './parts.ts';

export interface Questions {
  /** By method: the params. */
  readonly asked: ReadonlyMap<string, z.ZodType>;
  /** By method: the result. */
  readonly answered: ReadonlyMap<string, z.ZodType>;
}

export function questionsOf(parts: Parts): Questions {
  const asked = new Map<string, z.ZodType>([
    ['roots/list', anyObject.optional()],
    ['sampling/createMessage', samplingOf(parts)],
  ]);
  const answered = new Map<string, z.ZodType>([
    ['roots/list', open({ roots: z.array(open({ uri: uri.startsWith('file://'), name: text.optional() })) })],
    ['sampling/createMessage', open({ role, content: spokenBy(parts), model: text, stopReason: text.optional() })],
  ]);
  if (!parts.isModern) {
    asked.set('ping', anyObject.optional());
    answered.set('ping', anyObject);
  }
  if (parts.hasLinks) {
    asked.set('elicitation/create', elicitationOf(parts));
    const value = z.union([text, z.number(), z.boolean(), ...(parts.hasIcons ? [z.array(text)] : [])], 'must be text, a number or a boolean');
    answered.set('elicitation/create', open({ action: z.enum(['accept', 'decline', 'cancel']), content: z.record(text, value).optional() }));
  }
  return { asked, answered };
}

/** One block; since 2025-11-25 also several, and those of tools. */
function spokenBy({ spoken, hasIcons }: Parts): z.ZodType {
  if (!hasIcons) return z.discriminatedUnion('type', [...spoken]);
  const block = z.discriminatedUnion('type', [
    ...spoken,
    open({ type: z.literal('tool_use'), id: text, name: text, input: anyObject }),
    open({ type: z.literal('tool_result'), toolUseId: text, content: z.array(anyObject) }),
  ]);
  const several = z.array(block);
  return z.unknown().superRefine((value, context) => {
    const { error } = (Array.isArray(value) ? several : block).safeParse(value);
    for (const { path, message } of error?.issues ?? []) context.addIssue({ code: 'custom', path, message });
  });
}

function samplingOf(parts: Parts): z.ZodType {
  const weight = z.number().min(0).max(1).optional();
  return open({
    messages: z.array(open({ role, content: spokenBy(parts) })),
    maxTokens: z.number(),
    modelPreferences: open({
      hints: z.array(open({ name: text.optional() })).optional(),
      costPriority: weight,
      speedPriority: weight,
      intelligencePriority: weight,
    }).optional(),
    systemPrompt: text.optional(),
    includeContext: z.enum(['none', 'thisServer', 'allServers']).optional(),
    temperature: z.number().optional(),
    stopSequences: z.array(text).optional(),
    metadata: anyObject.optional(),
    ...(parts.hasIcons && {
      tools: z.array(parts.tool).optional(),
      toolChoice: open({ mode: z.enum(['auto', 'required', 'none']).optional() }).optional(),
    }),
  });
}

function elicitationOf({ hasIcons, isModern }: Parts): z.ZodType {
  const types = ['string', 'number', 'integer', 'boolean', ...(hasIcons ? ['array'] : [])];
  const field = open({ type: z.enum(types), title: text.optional(), description: text.optional() });
  const requestedSchema = open({ type: z.literal('object'), properties: z.record(text, field), required: z.array(text).optional() });
  const form = open({ message: text, requestedSchema });
  if (!hasIcons) return form;
  const byUrl = open({ message: text, url: uri, ...(!isModern && { elicitationId: text }) });
  return open({ mode: z.enum(['form', 'url']).optional() }).superRefine((value, context) => {
    const { error } = (value.mode === 'url' ? byUrl : form).safeParse(value);
    for (const { path, message } of error?.issues ?? []) context.addIssue({ code: 'custom', path, message });
  });
}
