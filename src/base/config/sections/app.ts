// What this installation is called and which stage of life it is in.
import { z } from 'zod';
import { choice, text } from '../setting.ts';

export const appSection = z.strictObject({
  name: text('MCP Gateway', { env: 'APP_NAME', description: 'Title shown in the OpenAPI document and by `GET /`.' }, z.string().min(1).max(255)),
  environment: choice(['development', 'staging', 'production'], 'development', {
    env: 'ENVIRONMENT',
    description: 'Stage of deployment. Outside development weak secrets are refused and upstreams on loopback are not allowed by themselves.',
  }),
  domain: text(
    'http://localhost:4444',
    {
      env: 'APP_DOMAIN',
      description: 'Public base URL of the gateway. Outside development the allowed origins are worked out from it.',
      allowed: 'an http or https URL',
    },
    z.url({ protocol: /^https?$/ }),
  ),
});
