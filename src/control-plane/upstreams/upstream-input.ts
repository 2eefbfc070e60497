// The bodies of POST and PUT /gateways (api.md 2.8.1), in the house's spelling.
import { z } from 'zod';
import { description, entityName, headerName, httpUrl, limitFields, tagsField, visibility } from '#control-plane/http-contract';
import { authFields, isOwnHeader } from './upstream-auth.ts';

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
  .refine((text) => text === 'STREAMABLEHTTP', {
    error: (issue) => `transport ${String(issue.input).slice(0, 32)} is not supported by this version; use STREAMABLEHTTP.`,
  });

const fields = {
  description: description.nullable().optional(),
  transport: transport.optional(),
  passthroughHeaders: passthrough.nullable().optional(),
  tags: tagsField.nullable().optional(),
  visibility: visibility.nullable().optional(),
  teamId: z.string().max(64).nullable().optional(),
  deferred: z.boolean().optional().describe('Save without contacting the upstream now.'),
  ...authFields,
  ...limitFields,
};

/** `STREAMABLEHTTP` is the default, but an address that ends in /sse is one of the older transport, which must be said. */
export const upstreamCreate = z
  .object({ name: entityName, url: httpUrl, ...fields })
  .refine((body) => body.transport !== undefined || !/\/sse\/?$/.test(URL.parse(body.url)?.pathname ?? ''), {
    path: ['transport'],
    error: 'transport SSE is not supported by this version; give the streamable HTTP address, or transport STREAMABLEHTTP if this is one.',
  });

/** Clients that dump a whole form send null for what was not filled in; a name and an address cannot be taken away. */
export const upstreamUpdate = z.object({ name: entityName.nullable().optional(), url: httpUrl.nullable().optional(), ...fields });

export type UpstreamCreate = z.output<typeof upstreamCreate>;
export type UpstreamUpdate = z.output<typeof upstreamUpdate>;
