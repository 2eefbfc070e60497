// The bodies of POST and PUT /servers (api.md 2.7.1). In this version a server mirrors one gateway.
import { z } from 'zod';
import { description, entityName, httpUrl, limitFields, tagsField, visibility } from '#control-plane/http-contract';

const ids = z
  .union([z.string(), z.array(z.union([z.string(), z.number()]))])
  .nullable()
  .optional();
/** For `associated_…` lists, which could only be lists of a part. */
export const SHOWS_ALL =
  'A mirror shows all that its gateway has; servers composed of single tools, resources and prompts are not supported by this version.';
const none = ids.refine((given) => given === undefined || given === null || given.length === 0, SHOWS_ALL);

const fields = {
  description: description.nullable().optional(),
  icon: z
    .union([z.literal(''), httpUrl])
    .nullable()
    .optional(),
  tags: tagsField.nullable().optional(),
  visibility: visibility.nullable().optional(),
  teamId: z.string().max(64).nullable().optional(),
  associatedTools: none,
  associatedResources: none,
  associatedPrompts: none,
  associatedA2aAgents: none,
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
  mirrorGatewayId: z
    .string('mirror_gateway_id is needed: in this version every server mirrors one gateway; virtual servers composed of tools come later.')
    .min(1)
    .max(255),
  ...fields,
});

/** `associatedTools` may be what the server shows already, since clients send back the whole entity they have read. */
export const serverUpdate = z.object({
  name: entityName.nullable().optional(),
  mirrorGatewayId: z.string().min(1).max(255).nullable().optional(),
  ...fields,
  associatedTools: ids.transform((given) => (typeof given === 'string' ? given.split(',').map((item) => item.trim()) : given?.map(String))),
});

export type ServerCreate = z.output<typeof serverCreate>;
export type ServerUpdate = z.output<typeof serverUpdate>;
