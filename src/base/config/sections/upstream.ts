// How the gateway deals with the servers behind it.
import { z } from 'zod';
import { flag, integer } from '../setting.ts';

export const upstreamSection = z.strictObject({
  skipTlsVerify: flag(false, {
    env: 'SKIP_SSL_VERIFY',
    description: 'Accept any certificate of upstreams. Whoever sits between can then read and change every call.',
  }),
  toolTimeoutSeconds: integer(
    60,
    { min: 1, max: 86_400 },
    {
      env: 'TOOL_TIMEOUT',
      description:
        'Seconds a call may take. The clock stands still while the server waits for an answer from the client, and starts again with progress.',
    },
  ),
  toolTimeoutMaxSeconds: integer(
    3600,
    { min: 1, max: 604_800 },
    {
      env: 'MCPGATEWAY_TOOL_TIMEOUT_MAX',
      description: 'Seconds after which a call ends in spite of progress. Without it a server that reports progress for ever holds a call for ever.',
    },
  ),
  registrationTimeoutSeconds: integer(
    30,
    { min: 1, max: 600 },
    { env: 'FEDERATION_TIMEOUT', description: 'Seconds that reading an upstream’s catalogue may take, at registration and at a refresh.' },
  ),
  healthIntervalSeconds: integer(
    60,
    { min: 1, max: 86_400 },
    { env: 'HEALTH_CHECK_INTERVAL', description: 'Seconds between probes of an upstream that failed; back-off starts below it and stays within it.' },
  ),
  healthTimeoutSeconds: integer(10, { min: 1, max: 600 }, { env: 'HEALTH_CHECK_TIMEOUT', description: 'Seconds one probe may take.' }),
  unhealthyThreshold: integer(
    3,
    { min: 1, max: 1000 },
    { env: 'UNHEALTHY_THRESHOLD', description: 'Failures in a row after which an upstream counts as down.' },
  ),
  sessionTtlSeconds: integer(
    3600,
    { min: 1, max: 604_800 },
    { env: 'SESSION_TTL', description: 'Seconds after which an MCP session that nobody uses ends.' },
  ),
});
