// A server as REST shows it (api.md 2.7.1).
import { z } from 'zod';
import type { ServersTable } from '#control-plane/db';
import { historyOf, historyOut, limitsOf, limitsOut, ownershipOf, ownershipOut } from '#control-plane/http-contract';
import type { MemberRow } from './server-member-store.ts';

const text = z.string().nullable();

export const serverOut = z
  .object({
    id: z.string(),
    name: z.string(),
    description: text,
    icon: text,
    strictSchema: z.boolean().describe('Whether every message is checked against the schema of its MCP revision.'),
    mirrorGatewayId: text.describe('The gateway this server mirrors, message for message; null for one that combines items.'),
    associatedTools: z.array(z.string()).describe('Published names of the tools the caller may see.'),
    associatedToolIds: z.array(z.string()),
    associatedResources: z.array(z.string()).describe('Ids, resource templates included.'),
    associatedPrompts: z.array(z.string()).describe('Ids.'),
    associatedA2aAgents: z.array(z.string()),
    oauthEnabled: z.boolean(),
    oauthConfig: z.null(),
    metrics: z.null(),
    ...limitsOut,
    ...ownershipOut,
    ...historyOut,
  })
  .meta({ id: 'Server' });

export type ServerEntity = z.output<typeof serverOut>;

/** @param members those the caller may see */
export function serverEntity(row: ServersTable, members: readonly MemberRow[]): ServerEntity {
  const tools = members.filter(({ kind }) => kind === 'tool');
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    icon: row.icon,
    strictSchema: row.strict_schema === 1,
    mirrorGatewayId: row.mirror_gateway_id,
    associatedTools: tools.map((tool) => tool.name),
    associatedToolIds: tools.map((tool) => tool.id),
    associatedResources: members.filter(({ kind }) => kind === 'resource' || kind === 'template').map(({ id }) => id),
    associatedPrompts: members.filter(({ kind }) => kind === 'prompt').map(({ id }) => id),
    associatedA2aAgents: [],
    oauthEnabled: false,
    oauthConfig: null,
    metrics: null,
    ...limitsOf(row),
    ...ownershipOf(row),
    ...historyOf(row),
  };
}
