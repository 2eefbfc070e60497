// Where upstreams may live: which addresses the one outbound guard lets the gateway connect to.
import { z } from 'zod';
import { flag, list, optionalFlag } from '../setting.ts';

const network = z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()]);

export const ssrfSection = z.strictObject({
  enabled: flag(true, { env: 'SSRF_PROTECTION_ENABLED', description: 'Check every address the gateway connects to, at the moment of connecting.' }),
  blockedNetworks: list(
    ['169.254.169.254/32', '169.254.169.123/32', 'fd00::1/128', '169.254.0.0/16', 'fe80::/10', '100.64.0.0/10'],
    {
      env: 'SSRF_BLOCKED_NETWORKS',
      description: 'CIDR ranges that are always refused.',
      allowed: 'CIDR ranges, as a JSON array or a comma-separated list',
    },
    network,
  ),
  blockedHosts: list(['metadata.google.internal', 'metadata.internal'], {
    env: 'SSRF_BLOCKED_HOSTS',
    description: 'Host names that are always refused.',
  }),
  allowLocalhost: optionalFlag({
    env: 'SSRF_ALLOW_LOCALHOST',
    description: 'Allow upstreams on loopback addresses.',
    fallback: 'true while ENVIRONMENT is development and HOST is a loopback address; false otherwise',
  }),
  allowPrivateNetworks: flag(false, { env: 'SSRF_ALLOW_PRIVATE_NETWORKS', description: 'Allow upstreams in private networks (RFC 1918, RFC 4193).' }),
  allowedNetworks: list(
    [],
    {
      env: 'SSRF_ALLOWED_NETWORKS',
      description: 'Private CIDR ranges that are allowed.',
      allowed: 'CIDR ranges, as a JSON array or a comma-separated list',
    },
    network,
  ),
  dnsFailClosed: flag(true, { env: 'SSRF_DNS_FAIL_CLOSED', description: 'Refuse to register an upstream whose name does not resolve.' }),
});
