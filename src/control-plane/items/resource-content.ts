// The content of a resource, read from its upstream (api.md 2.5, 6.3; MCP 2025-11-25, "Reading Resources").
import { z } from 'zod';
import { AppError } from '#base/kernel';
import { notFound, type RouteContext } from '#control-plane/http-contract';
import { badResult, ensureUsable, rpcCodeOf, type ItemCalls } from './item-calls.ts';
import { isUri, type ItemService } from './item-service.ts';
import type { ResourceEntity } from './resource.ts';

const INVALID_PARAMS = -32602;
/** Of revisions before 2026-07-28. */
const RESOURCE_NOT_FOUND = -32002;

const one = {
  uri: z.string(),
  mime_type: z.string().nullable(),
  text: z.string().optional(),
  blob: z.string().optional().describe('base64'),
  meta: z.record(z.string(), z.unknown()).optional(),
};

export const contentOut = z.object({
  type: z.literal('resource'),
  id: z.string().nullable().describe('null where the URI is on no list: made from a template, or carrying its gateway.'),
  ...one,
  contents: z.array(z.object(one)).optional().describe('All of them, where the upstream gives several.'),
});

type Content = z.output<z.ZodObject<typeof one>>;

/** @param id or a URI, which need not be on a list */
export async function readContent(
  service: ItemService<ResourceEntity>,
  calls: ItemCalls,
  id: string,
  context: RouteContext,
): Promise<z.output<typeof contentOut>> {
  const entity = await listed(service, id, context);
  if (entity !== undefined) ensureUsable('resource', entity);
  if (entity?.uriTemplate) throw new AppError('request.bad_input', `id: this is a template. Read a URI that fits ${entity.uriTemplate}`);
  const uri = entity === undefined ? id : calls.uriOf(entity.id);
  if (uri === undefined) throw notFound('resource', id);
  const { contents } = await calls.call('resources/read', { uri }, context).catch((error: unknown) => {
    const code = rpcCodeOf(error);
    throw code === RESOURCE_NOT_FOUND || code === INVALID_PARAMS ? unknown(error as AppError) : error;
  });
  if (!Array.isArray(contents)) throw badResult('contents');
  const all = contents.map((content: unknown) => contentOf(content, uri, entity?.mimeType ?? null));
  const first = all.find((content) => content.uri === uri) ?? all[0];
  if (first === undefined) throw new AppError('resource.not_found', 'The upstream has no content for this resource.');
  return { type: 'resource', id: entity?.id ?? null, ...first, ...(all.length > 1 ? { contents: all } : {}) };
}

async function listed(service: ItemService<ResourceEntity>, id: string, context: RouteContext): Promise<ResourceEntity | undefined> {
  try {
    return await service.get(context, id);
  } catch (error) {
    if (isUri(id) && error instanceof AppError && error.code === 'resource.not_found') return undefined;
    throw error;
  }
}

function unknown({ message, data }: AppError): AppError {
  return new AppError('resource.not_found', message, data === undefined ? {} : { data });
}

function contentOf(given: unknown, asked: string, listedType: string | null): Content {
  if (typeof given !== 'object' || given === null) throw badResult('contents');
  const { uri, mimeType, text, blob, _meta: meta } = given as Record<string, unknown>;
  return {
    uri: typeof uri === 'string' ? uri : asked,
    mime_type: typeof mimeType === 'string' ? mimeType : listedType,
    ...(typeof text === 'string' ? { text } : {}),
    ...(typeof blob === 'string' ? { blob } : {}),
    ...(typeof meta === 'object' && meta !== null && !Array.isArray(meta) ? { meta: meta as Record<string, unknown> } : {}),
  };
}
