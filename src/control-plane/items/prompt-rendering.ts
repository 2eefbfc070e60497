// A prompt in words: its upstream renders it, with the arguments given (api.md 7.4; MCP 2025-11-25, "Getting a Prompt").
import { z } from 'zod';
import { AppError } from '#base/kernel';
import type { RouteContext } from '#control-plane/http-contract';
import { badResult, ensureUsable, rpcCodeOf, type ItemCalls } from './item-calls.ts';
import type { ItemService } from './item-service.ts';
import type { PromptEntity } from './prompt.ts';

const INVALID_PARAMS = -32602;

export const renderedOut = z.object({
  messages: z.array(z.record(z.string(), z.unknown())).describe('As in MCP: `role` and `content`.'),
  description: z.string().nullable(),
});

/**
 * @param id or a name
 * Throws AppError `request.bad_params` when the upstream refuses the arguments, or refuses while one that it requires is missing.
 */
export async function renderPrompt(
  service: ItemService<PromptEntity>,
  calls: ItemCalls,
  id: string,
  args: Readonly<Record<string, string>>,
  context: RouteContext,
): Promise<z.output<typeof renderedOut>> {
  const entity = await listed(service, id, context);
  if (entity !== undefined) ensureUsable('prompt', entity);
  const params = { name: entity?.name ?? id, ...(Object.keys(args).length === 0 ? {} : { arguments: args }) };
  const { messages, description } = await calls.call('prompts/get', params, context).catch((error: unknown) => {
    throw refused(error, missingOf(entity, args));
  });
  if (!Array.isArray(messages) || !messages.every(isObject)) throw badResult('messages');
  return { messages, description: typeof description === 'string' ? description : (entity?.description ?? null) };
}

/** Names of former times, and the upstream's own where they are one prompt's only, are known where calls are. */
async function listed(service: ItemService<PromptEntity>, id: string, context: RouteContext): Promise<PromptEntity | undefined> {
  try {
    return await service.get(context, id);
  } catch (error) {
    if (error instanceof AppError && error.code === 'prompt.not_found') return undefined;
    throw error;
  }
}

function missingOf(entity: PromptEntity | undefined, args: Readonly<Record<string, string>>): string[] {
  return (entity?.arguments ?? []).filter(({ name, required }) => required && !Object.hasOwn(args, name)).map(({ name }) => name);
}

/** Servers refuse a missing argument with any number, so what is known to be missing is named. */
function refused(error: unknown, missing: readonly string[]): unknown {
  const code = rpcCodeOf(error);
  if (code === undefined || (missing.length === 0 && code !== INVALID_PARAMS)) return error;
  const { message, data = {} } = error as AppError;
  const words = missing.length === 0 ? message : `Missing arguments: ${missing.join(', ')}. ${message}`;
  return new AppError('request.bad_params', words, { data });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
