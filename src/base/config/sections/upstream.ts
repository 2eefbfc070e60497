// How the gateway deals with the servers behind it.
import { z } from 'zod';
import { choice, flag, integer } from '../setting.ts';

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
  answerTimeoutSeconds: integer(
    300,
    { min: 1, max: 86_400 },
    {
      env: 'MCPGATEWAY_ELICITATION_TIMEOUT',
      description:
        'Seconds a client – mostly a person – may take to answer what an upstream of another protocol era asks in the middle of a call. After that the call is given up and the upstream told so.',
    },
  ),
  waitingCallsMax: integer(
    1000,
    { min: 1, max: 1_000_000 },
    {
      env: 'MCPGATEWAY_ELICITATION_MAX_CONCURRENT',
      description: 'Calls of self-describing clients (2026-07-28) that may wait for such answers at once. Each holds a session with its upstream.',
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
  nameSeparator: choice(['-', '--', '_', '.'], '-', {
    env: 'GATEWAY_TOOL_NAME_SEPARATOR',
    description: 'What joins the name of a gateway and of its tool or prompt in published names.',
  }),
  nameCharsMax: integer(
    64,
    { min: 64, max: 128 },
    {
      env: 'MCPGATEWAY_NAME_MAX',
      description:
        'Characters of a published name; longer ones are cut and told apart by a hash. Some models take no tool whose name is longer than 64.',
    },
  ),
  refreshIntervalSeconds: integer(
    300,
    { min: 60, max: 604_800 },
    {
      env: 'GATEWAY_AUTO_REFRESH_INTERVAL',
      description:
        'Seconds after which the lists of an upstream are read again although it did not say that they changed. Programs (stdio) are read at registration, on request and when they say so.',
    },
  ),
  sessionTtlSeconds: integer(
    3600,
    { min: 1, max: 604_800 },
    { env: 'SESSION_TTL', description: 'Seconds after which an MCP session that nobody uses ends.' },
  ),
});
