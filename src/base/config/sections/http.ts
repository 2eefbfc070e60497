// The listener and what it lets in.
import { z } from 'zod';
import { choice, flag, integer, optionalList, text } from '../setting.ts';

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
  transportType: choice(['all', 'http', 'streamablehttp', 'sse', 'stdio', 'ws'], 'all', {
    env: 'TRANSPORT_TYPE',
    description:
      'Which doors answer MCP clients: http or streamablehttp are /mcp and /rpc, sse is /sse with /message. stdio and ws leave only REST on this listener: `mcpgateway stdio` serves stdio by itself, and there is no WebSocket door yet.',
  }),
  sseKeepAliveEnabled: flag(true, {
    env: 'SSE_KEEPALIVE_ENABLED',
    description: 'Send a comment on event streams that have been silent, so that proxies and clients see that they live.',
  }),
  sseKeepAliveSeconds: integer(
    15,
    { min: 1, max: 3600 },
    { env: 'SSE_KEEPALIVE_INTERVAL', description: 'Seconds of silence after which that comment is sent.' },
  ),
  sseRetryMs: integer(
    5000,
    { min: 0, max: 600_000 },
    { env: 'SSE_RETRY_TIMEOUT', description: 'Milliseconds that clients of /sse are told to wait before they connect again.' },
  ),
  securityHeaders: flag(true, {
    env: 'SECURITY_HEADERS_ENABLED',
    description: 'Send hardening response headers (nosniff, frame and referrer policy).',
  }),
});
