// REST for prompts (api.md 2.6): what is known of them, and their words, which their upstream is asked for.
import { z } from 'zod';
import { defineRoute, idParams, type PageSizes, type RouteSpec } from '#control-plane/http-contract';
import { CALL_STATUSES, type ItemCalls } from './item-calls.ts';
import { namedItemUpdate } from './item-input.ts';
import type { ItemService } from './item-service.ts';
import { nounRoutes } from './noun-routes.ts';
import { promptOut, type PromptEntity } from './prompt.ts';
import { renderedOut, renderPrompt } from './prompt-rendering.ts';

const promptParams = idParams.extend({ id: idParams.shape.id.describe('Its id or its name.') });

const rendering = {
  tags: ['prompts'],
  auth: 'user',
  path: '/prompts/:id',
  output: renderedOut,
  successStatus: 200,
  statuses: CALL_STATUSES,
  statusOf: { 'request.bad_params': 422 },
  errorKey: 'message',
} as const;

export function promptRoutes(service: ItemService<PromptEntity>, calls: ItemCalls, pageSizes: PageSizes): RouteSpec[] {
  const routes = nounRoutes(
    { noun: 'prompt', plural: 'prompts', service, output: promptOut, update: namedItemUpdate, params: promptParams },
    pageSizes,
  );
  const show = defineRoute({
    ...rendering,
    method: 'GET',
    summary: 'Have a prompt rendered by its upstream, without arguments',
    input: { params: promptParams },
    handler: (context) => renderPrompt(service, calls, context.params.id, {}, context),
  });
  const render = defineRoute({
    ...rendering,
    method: 'POST',
    summary: 'Have a prompt rendered by its upstream',
    input: { params: promptParams, body: z.record(z.string(), z.string()).describe('Arguments by name.'), isBodyVerbatim: true },
    handler: (context) => renderPrompt(service, calls, context.params.id, context.body, context),
  });
  return [routes.list, show, render, routes.update, ...routes.switches, routes.remove];
}
