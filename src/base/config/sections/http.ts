// The listener and what it lets in.
import { z } from 'zod';
import { flag, integer, optionalList, text } from '../setting.ts';

const origin = z.string().refine((value) => value === '*' || (URL.canParse(value) && new URL(value).origin === value.replace(/\/$/, '')));
const host = z.string().regex(/^(\*|[a-z0-9._-]+|\[[0-9a-f:.]+\])$/i);

export const httpSection = z.strictObject({
  host: text(
    '127.0.0.1',
    { env: 'HOST', description: 'Address to listen on. Use 0.0.0.0 to be reached from other machines.', allowed: 'an IP address or host name' },
    z.string().regex(/^[\w.:-]+$/),
  ),
  port: integer(4444, { min: 0, max: 65_535 }, { env: 'PORT', description: 'TCP port to listen on; 0 takes a free one.' }),
  rootPath: text(
    '',
    {
      env: 'APP_ROOT_PATH',
      description: 'Path prefix when served behind a proxy under a sub-path, such as /mcp-gateway.',
      allowed: 'a path that begins with /, without a / at its end',
    },
    z.string().regex(/^(\/[\w.~-]+)*$/),
  ),
  allowedHosts: optionalList(
    {
      env: 'ALLOWED_HOSTS',
      description:
        'Host names this gateway answers for, without port; * is every name. A page that rebinds its own name to 127.0.0.1 must not reach a gateway on loopback, and no default can know the names of a public one.',
      fallback: 'loopback names, HOST and the host of APP_DOMAIN while listening on loopback; * otherwise',
    },
    host,
  ),
  allowedOrigins: optionalList(
    {
      env: 'ALLOWED_ORIGINS',
      description: 'Origins whose pages may call the gateway; * is every origin.',
      allowed: 'origins such as https://app.example.com, as a JSON array or a comma-separated list',
      fallback:
        'in development http://localhost and http://127.0.0.1, plain and on 3000, 8080 and PORT; otherwise APP_DOMAIN and its subdomains app and admin, over https',
    },
    origin,
  ),
  corsEnabled: flag(true, { env: 'CORS_ENABLED', description: 'Answer preflight requests and send CORS headers to allowed origins.' }),
  bodyBytesMax: integer(
    10_485_760,
    { min: 1024, max: 1_073_741_824 },
    {
      env: 'MCPGATEWAY_MAX_BODY_BYTES',
      description: 'Largest request body in bytes; larger ones get 413. What is too large depends on the tools behind the gateway.',
    },
  ),
  securityHeaders: flag(true, {
    env: 'SECURITY_HEADERS_ENABLED',
    description: 'Send hardening response headers (nosniff, frame and referrer policy).',
  }),
});
