// The query parameters that all lists have (api.md 1.4).
import { z } from 'zod';

/** A boolean in a query string. */
export const queryBoolean = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['true', 'false', '1', '0', 'yes', 'no', 'on', 'off']))
  .transform((text) => text === 'true' || text === '1' || text === 'yes' || text === 'on');

export interface PageSizes {
  readonly defaultSize: number;
  readonly maxSize: number;
}

/** `limit` comes out as a number of rows, or 0 for everything; `tags` as a list of normalised tag ids. */
export function listQuery(sizes: PageSizes) {
  return z.object({
    include_inactive: queryBoolean.default(false).describe('Also list rows that are switched off.'),
    cursor: z.string().max(500).optional().describe('`nextCursor` of the page before; anything else gives the first page.'),
    limit: z.coerce
      .number()
      .int()
      .min(0)
      .default(sizes.defaultSize)
      .transform((limit) => Math.min(limit, sizes.maxSize))
      .describe(`Rows in a page, at most ${sizes.maxSize}; 0 gives everything.`),
    include_pagination: queryBoolean.default(false).describe('Answer with an object holding the rows and `nextCursor`.'),
    tags: z.string().max(2000).optional().describe('Comma-separated; rows with at least one of them.'),
    team_id: z.string().max(255).optional(),
    visibility: z.enum(['public', 'team', 'private']).optional(),
  });
}

export type ListQuery = z.output<ReturnType<typeof listQuery>>;

/** `activate` of the /state and /toggle routes: it sets the state, it does not flip it. */
export const stateQuery = z.object({ activate: queryBoolean.default(true) });

export const idParams = z.object({ id: z.string().min(1).max(255) });
