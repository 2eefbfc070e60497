// How long REST lists may be.
import { z } from 'zod';
import { integer } from '../setting.ts';

export const pagingSection = z.strictObject({
  defaultSize: integer(
    50,
    { min: 1, max: 1000 },
    { env: 'PAGINATION_DEFAULT_PAGE_SIZE', description: 'Rows on a page of a REST list when the caller does not say.' },
  ),
  maxSize: integer(500, { min: 1, max: 10_000 }, { env: 'PAGINATION_MAX_PAGE_SIZE', description: 'Most rows on a page of a REST list.' }),
  listPageSize: integer(
    1000,
    { min: 1, max: 10_000 },
    {
      env: 'MCPGATEWAY_LIST_PAGE_SIZE',
      description:
        'Items on one page of the lists of combined servers. Clients that ignore nextCursor see the first page only; clients with little memory want small ones.',
    },
  ),
});
