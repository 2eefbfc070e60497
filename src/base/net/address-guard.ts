// Which addresses the gateway may connect to. Registered URLs are other people's input: without this, registering
// http://169.254.169.254/ would read the cloud's metadata service (SSRF). The check is made on the address the socket really
// connects to, so that a name that resolves differently the second time gains nothing.
import { AppError } from '#base/kernel';
import ipaddr from 'ipaddr.js';

export interface GuardSettings {
  readonly enabled: boolean;
  readonly allowLocalhost: boolean;
  readonly allowPrivateNetworks: boolean;
  /** CIDR ranges allowed although they are private. */
  readonly allowedNetworks: readonly string[];
  /** CIDR ranges always refused. */
  readonly blockedNetworks: readonly string[];
  /** Host names always refused. */
  readonly blockedHosts: readonly string[];
}

export interface AddressGuard {
  /** Throws AppError `upstream.refused_by_guard` for a URL that is refused before any look-up. */
  checkUrl(url: URL): void;
  /** Throws the same for an address a name resolved to. */
  checkAddress(address: string, host: string): void;
}

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

export function createAddressGuard(settings: GuardSettings): AddressGuard {
  const allowed = settings.allowedNetworks.map(parseRange);
  const blocked = settings.blockedNetworks.map(parseRange);
  const blockedHosts = new Set(settings.blockedHosts.map((host) => host.toLowerCase()));

  function checkAddress(text: string, host: string): void {
    if (!settings.enabled) return;
    const address = ipaddr.process(text);
    if (isIn(address, blocked)) throw refused(host, text, 'is on the list SSRF_BLOCKED_NETWORKS');
    if (isIn(address, allowed)) return;
    const range = address.range();
    // Of IPv6 only 2000::/3 is assigned for it (RFC 4291 2.4, IANA); the rest holds old forms of IPv4 and site-local addresses.
    if (range === 'unicast' && (address.kind() === 'ipv4' || address.match(ipaddr.parseCIDR('2000::/3')))) return;
    if (range === 'loopback') {
      if (settings.allowLocalhost) return;
      throw refused(host, text, 'is a loopback address; SSRF_ALLOW_LOCALHOST=true allows it');
    }
    if (range === 'private' || range === 'uniqueLocal') {
      if (settings.allowPrivateNetworks) return;
      throw refused(host, text, 'is a private address; SSRF_ALLOW_PRIVATE_NETWORKS=true or SSRF_ALLOWED_NETWORKS allows it');
    }
    throw refused(host, text, `is a ${range} address`);
  }

  return {
    checkAddress,
    checkUrl(url) {
      if (url.protocol !== 'http:' && url.protocol !== 'https:') {
        throw new AppError('upstream.refused_by_guard', `Only http and https URLs can be reached, not ${url.protocol.slice(0, 16)}`);
      }
      if (url.username !== '' || url.password !== '') {
        throw new AppError('upstream.refused_by_guard', 'Put credentials into the auth fields, not into the URL.');
      }
      const host = bareHost(url);
      if (settings.enabled && blockedHosts.has(host.toLowerCase().replace(/\.$/, ''))) throw refused(host, host, 'is on the list SSRF_BLOCKED_HOSTS');
      if (ipaddr.isValid(host)) checkAddress(host, host);
    },
  };
}

function bareHost(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
}

function parseRange(text: string): Range {
  return text.includes('/') ? ipaddr.parseCIDR(text) : [ipaddr.process(text), ipaddr.process(text).kind() === 'ipv4' ? 32 : 128];
}

function isIn(address: ipaddr.IPv4 | ipaddr.IPv6, ranges: readonly Range[]): boolean {
  return ranges.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
}

function refused(host: string, address: string, why: string): AppError {
  const what = host === address ? host : `${host} (${address})`;
  return new AppError('upstream.refused_by_guard', `The gateway may not connect to ${what}: it ${why}.`);
}
