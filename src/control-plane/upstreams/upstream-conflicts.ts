// When are two registrations in each other's way? Within one scope – public, a team, an owner – names have different slugs, and
// the same address with the same credentials is registered once (api.md 4.1). A command has no address: it may be registered again.
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '#base/kernel';
import type { GatewaysTable, Tx, Db } from '#control-plane/db';
import type { AuthSecret } from './upstream-auth.ts';
import { findRivals } from './upstream-store.ts';
import type { UpstreamVault } from './upstream-vault.ts';

export type Candidate = Pick<GatewaysTable, 'id' | 'name' | 'slug' | 'url' | 'visibility' | 'team_id' | 'owner_email'>;

/** Throws AppError `gateway.conflict` naming the gateway in the way. */
export async function ensureNoConflict(db: Db | Tx, candidate: Candidate, secret: AuthSecret | null, vault: UpstreamVault): Promise<void> {
  for (const rival of await findRivals(db, candidate.slug, candidate.url)) {
    if (rival.id === candidate.id || !isSameScope(rival, candidate)) continue;
    const switchedOff = rival.enabled === 1 ? '' : ' It is switched off.';
    if (rival.slug === candidate.slug) {
      throw new AppError('gateway.conflict', `A gateway named "${rival.name}" already exists (id ${rival.id}).${switchedOff}`);
    }
    if (isDeepStrictEqual(vault.tryOpen(rival), secret)) {
      throw new AppError(
        'gateway.conflict',
        `This URL is already registered with the same credentials, as "${rival.name}" (id ${rival.id}).${switchedOff}`,
      );
    }
  }
}

function isSameScope(a: Candidate, b: Candidate): boolean {
  if (a.visibility !== b.visibility) return false;
  if (a.visibility === 'public') return true;
  return a.visibility === 'team' ? a.team_id === b.team_id : a.owner_email === b.owner_email;
}
