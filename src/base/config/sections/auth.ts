// Who may come in, apart from how tokens are checked.
import { z } from 'zod';
import { flag, secret, text } from '../setting.ts';

export const authSection = z.strictObject({
  required: flag(true, {
    env: 'AUTH_REQUIRED',
    description: 'Refuse calls without a credential. When off, everybody is an administrator, so this is refused beyond loopback.',
  }),
  allowUnauthenticatedAdmin: flag(false, {
    env: 'ALLOW_UNAUTHENTICATED_ADMIN',
    description: 'Permit AUTH_REQUIRED=false although HOST can be reached from other machines. Everybody who reaches it is an administrator.',
  }),
  basicUser: text(
    'admin',
    { env: 'BASIC_AUTH_USER', description: 'User name for HTTP Basic; also an administrator as the subject of a token.' },
    z.string().regex(/^[^:]+$/),
  ),
  basicPassword: secret({
    env: 'BASIC_AUTH_PASSWORD',
    description: 'Password for HTTP Basic.',
    fallback: 'generated once and kept beside the database',
  }),
  basicAllowed: flag(false, { env: 'API_ALLOW_BASIC_AUTH', description: 'Accept HTTP Basic on API routes.' }),
  basicAllowedOnDocs: flag(false, { env: 'DOCS_ALLOW_BASIC_AUTH', description: 'Accept HTTP Basic on /openapi.json.' }),
  adminEmail: text(
    'admin@example.com',
    { env: 'PLATFORM_ADMIN_EMAIL', description: 'A token with this subject is an administrator’s.' },
    z.string().min(1),
  ),
  encryptionSecret: secret({
    env: 'AUTH_ENCRYPTION_SECRET',
    description: 'Passphrase from which the key for stored credentials is derived. Stored credentials cannot be read with another one.',
    fallback: 'generated once and kept beside the database',
  }),
  maskedValue: text(
    '*****',
    { env: 'MASKED_AUTH_VALUE', description: 'Shown instead of stored credentials; sent back, it means "unchanged".' },
    z.string().min(1),
  ),
});
