// The bodies of POST and PUT /gateways (api.md 2.8.1), in the house's spelling.
import { z } from 'zod';
import { description, entityName, headerName, httpUrl, limitFields, tagsField, visibility } from '#control-plane/http-contract';
import { authFields, isOwnHeader } from './upstream-auth.ts';
import { processFields } from './upstream-process.ts';

// Never passed on from a client, whatever anybody configures (decisions.md 14).
const NEVER_PASSED = new Set(['authorization', 'cookie', 'set-cookie', 'origin', 'x-upstream-authorization']);

const passedHeader = headerName
  .refine(
    (name) => !NEVER_PASSED.has(name.toLowerCase()) && !isOwnHeader(name),
    'This header is never passed on; clients send X-Upstream-Authorization for a credential meant for the upstream.',
  )
  .transform((name) => name.toLowerCase());

const passthrough = z
  .union([
    z.string().transform((text) =>
      text
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
    ),
    z.array(z.string()),
  ])
  .pipe(z.array(passedHeader).max(50))
  .transform((names) => [...new Set(names)]);

const transport = z
  .string()
  .transform((text) => text.toUpperCase().replace(/[\s_-]/g, ''))
  .pipe(
    z.enum(['STREAMABLEHTTP', 'SSE', 'STDIO'], {
      error: (issue) =>
        issue.input === 'HTTP'
          ? 'HTTP may mean either of two transports; say STREAMABLEHTTP or SSE, or leave it out to have it found out.'
          : `transport ${String(issue.input).slice(0, 32)} is not known; use STREAMABLEHTTP, SSE or STDIO.`,
    }),
  )
  .nullable()
  .optional()
  .describe('STREAMABLEHTTP, SSE or STDIO. Without one: STDIO if there is a command, else the server is asked.');

const fields = {
  description: description.nullable().optional(),
  transport,
  url: httpUrl.nullable().optional().describe('Where the server is; not for STDIO.'),
  ...processFields,
  passthroughHeaders: passthrough.nullable().optional(),
  tags: tagsField.nullable().optional(),
  visibility: visibility.nullable().optional(),
  refreshIntervalSeconds: z
    .number()
    .int()
    .min(60)
    .max(31_536_000)
    .nullable()
    .optional()
    .describe('Read its lists again this often; not for STDIO, which would have to be started for it.'),
  teamId: z.string().max(64).nullable().optional(),
  deferred: z.boolean().optional().describe('Save without contacting the upstream now.'),
  ...authFields,
  ...limitFields,
};

/** Which fields belong together is said by readTarget(), since an update depends on what was there before. */
export const upstreamCreate = z.object({ name: entityName, ...fields });

/** Clients that dump a whole form send null for what was not filled in; a name, an address or a command cannot be taken away. */
export const upstreamUpdate = z.object({ name: entityName.nullable().optional(), ...fields });

export type UpstreamCreate = z.output<typeof upstreamCreate>;
export type UpstreamUpdate = z.output<typeof upstreamUpdate>;
