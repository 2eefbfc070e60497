// The bodies of POST and PUT /servers (api.md 2.7.1). A server mirrors one gateway, or combines items of any.
import { z } from 'zod';
import { description, entityName, httpUrl, limitFields, tagsField, visibility } from '#control-plane/http-contract';

const MEMBERS_MAX = 10_000;
const ids = z.union([z.string(), z.array(z.union([z.string().max(2048), z.number()])).max(MEMBERS_MAX)]);
/** A list, or one text joined by commas. */
const members = ids
  .transform((given) => (typeof given === 'string' ? given.split(',') : given.map(String)).map((item) => item.trim()).filter((item) => item !== ''))
  .nullable()
  .optional()
  .describe('Ids, names or URIs. null leaves them as they are, an empty list takes all away.');
const none = ids
  .refine((given) => given.length === 0, 'A2A agents are not supported by this version.')
  .nullable()
  .optional();

const mirror = z.string().max(255).nullable().optional().describe('The gateway to mirror; without one the server combines the items it is given.');

const fields = {
  description: description.nullable().optional(),
  icon: z
    .union([z.literal(''), httpUrl])
    .nullable()
    .optional(),
  tags: tagsField.nullable().optional(),
  visibility: visibility.nullable().optional(),
  teamId: z.string().max(64).nullable().optional(),
  associatedTools: members,
  associatedToolIds: members,
  associatedResources: members,
  associatedResourceIds: members,
  associatedPrompts: members,
  associatedPromptIds: members,
  associatedA2aAgents: none,
  strictSchema: z
    .boolean()
    .nullable()
    .optional()
    .describe('Check every message both ways against the schema of its MCP revision, for debugging; off by default.'),
  oauthEnabled: z.literal(false, 'OAuth per server is not supported by this version.').nullable().optional(),
  ...limitFields,
};

const serverId = z
  .string()
  .transform((id) => id.replaceAll('-', '').toLowerCase())
  .pipe(z.string().regex(/^[0-9a-f]{32}$/, 'An id is a UUID.'));

export const serverCreate = z.object({
  id: serverId.nullable().optional(),
  name: entityName,
  mirrorGatewayId: mirror,
  ...fields,
});

export const serverUpdate = z.object({
  name: entityName.nullable().optional(),
  mirrorGatewayId: mirror,
  ...fields,
});

export type ServerCreate = z.output<typeof serverCreate>;
export type ServerUpdate = z.output<typeof serverUpdate>;
