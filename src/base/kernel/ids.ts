// Ids are made by us, so that no insert has to return one: UUIDv7 without dashes, 32 hex characters, as the contract shows
// them, and sorted by time of creation (RFC 9562 §5.7).
import { randomBytes } from 'node:crypto';
import { v7 } from 'uuid';

export function newId(): string {
  return v7().replaceAll('-', '');
}

/** Accepts an id with or without dashes, any case; everything else comes back unchanged and is simply not found. */
export function normaliseId(id: string): string {
  const bare = id.replaceAll('-', '').toLowerCase();
  return /^[0-9a-f]{32}$/.test(bare) ? bare : id;
}

/** Unguessable visible ASCII, for session and stream ids: 24 random bytes as base64url (32 characters). */
export function newSecretId(): string {
  return randomBytes(24).toString('base64url');
}
