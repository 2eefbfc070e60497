// What both sides say without waiting for an answer.
import { z } from 'zod';
import { anyObject, anything, label, level, listFilter, open, text, uri, type Parts, type Shape } from './parts.ts';

export interface Notifications {
  /** By method: the params. */
  readonly ofClients: ReadonlyMap<string, z.ZodType>;
  readonly ofServers: ReadonlyMap<string, z.ZodType>;
}

const NEWS = ['notifications/tools/list_changed', 'notifications/prompts/list_changed', 'notifications/resources/list_changed'];

export function notificationsOf(parts: Parts): Notifications {
  const meta = { _meta: anyObject.optional() };
  const needed = (shape: Shape): z.ZodType => open({ ...shape, ...meta });
  const nothing = open(meta).optional();
  const ofBoth: [string, z.ZodType][] = [
    // Since tasks, which are cancelled in another way, it may be missing.
    ['notifications/cancelled', needed({ requestId: parts.hasIcons ? label.optional() : label, reason: text.optional() })],
    [
      'notifications/progress',
      needed({
        progressToken: label,
        progress: z.number(),
        total: z.number().optional(),
        ...(parts.hasAudio && { message: text.optional() }),
      }),
    ],
    ...(parts.hasTasks ? ([['notifications/tasks/status', parts.task]] as [string, z.ZodType][]) : []),
  ];
  const modern: [string, z.ZodType][] = [['notifications/subscriptions/acknowledged', needed({ notifications: listFilter })]];
  const legacy: [string, z.ZodType][] = parts.hasTasks ? [['notifications/elicitation/complete', needed({ elicitationId: text })]] : [];
  return {
    ofClients: new Map(parts.isModern ? [] : [...ofBoth, ['notifications/initialized', nothing], ['notifications/roots/list_changed', nothing]]),
    ofServers: new Map([
      ...ofBoth,
      ...NEWS.map((method): [string, z.ZodType] => [method, nothing]),
      ['notifications/message', needed({ level, logger: text.optional(), data: anything })],
      ['notifications/resources/updated', needed({ uri })],
      ...(parts.isModern ? modern : legacy),
    ]),
  };
}
