// The fields every entity shows about its history, its owner and its limits (api.md 1.12, 1.13).
import { z } from 'zod';
import { fromJsonColumn, type AuditColumns, type LimitColumns, type OwnershipColumns } from '#control-plane/db';
import { tagsOut, type Tag } from './tag.ts';

const text = z.string().nullable();

export const historyOut = {
  createdAt: z.string(),
  updatedAt: z.string(),
  createdBy: text,
  createdFromIp: text,
  createdVia: text,
  createdUserAgent: text,
  modifiedBy: text,
  modifiedFromIp: text,
  modifiedVia: text,
  modifiedUserAgent: text,
  importBatchId: text,
  federationSource: text,
  version: z.number().int(),
};

export const ownershipOut = {
  enabled: z.boolean(),
  tags: tagsOut,
  teamId: text,
  team: text,
  ownerEmail: text,
  visibility: z.enum(['public', 'team', 'private']),
};

export const limitsOut = {
  limits: z.object({ callsPerMinute: z.number().int().nullable(), concurrent: z.number().int().nullable() }),
};

/** @param federationSource the name of the upstream a row was read from */
export function historyOf(row: AuditColumns, federationSource: string | null = null) {
  return {
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    createdBy: row.created_by,
    createdFromIp: row.created_from_ip,
    createdVia: row.created_via,
    createdUserAgent: row.created_user_agent,
    modifiedBy: row.modified_by,
    modifiedFromIp: row.modified_from_ip,
    modifiedVia: row.modified_via,
    modifiedUserAgent: row.modified_user_agent,
    importBatchId: null,
    federationSource,
    version: row.version,
  };
}

export function ownershipOf(row: OwnershipColumns) {
  return {
    enabled: row.enabled === 1,
    tags: fromJsonColumn<Tag[]>(row.tags, []),
    teamId: row.team_id,
    team: null,
    ownerEmail: row.owner_email,
    visibility: row.visibility,
  };
}

export function limitsOf(row: LimitColumns) {
  return { limits: { callsPerMinute: row.calls_per_minute, concurrent: row.concurrent } };
}
