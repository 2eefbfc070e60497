// Who may knock at all, looked at before any work is done: the Host the request was sent to, and the web page it came from. Without
// this any page in a browser could reach a gateway on localhost (DNS rebinding; MCP "Security Warning", checklist 54).
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { AppError } from '#base/kernel';

export interface RequestGuardSettings {
  /** Is the listener bound to loopback only? Then the Host must name this machine. */
  readonly isLoopback: boolean;
  /** Further host names the gateway answers for, lower-case, without port; `*` is every name. */
  readonly allowedHosts: readonly string[];
  /** Origins of web pages that may call, or `*`. */
  readonly allowedOrigins: readonly string[];
}

const LOCAL_NAMES: readonly string[] = ['localhost', '127.0.0.1', '[::1]', '::1'];

export function createRequestGuard(settings: RequestGuardSettings): (req: IncomingMessage) => void {
  // Beyond loopback a name may be anything the network calls this machine, and every request needs a credential no foreign page
  // has; so names are checked there only when the owner lists them.
  const checksHost = !settings.allowedHosts.includes('*') && (settings.isLoopback || settings.allowedHosts.length > 0);
  const hosts = new Set([...LOCAL_NAMES, ...settings.allowedHosts]);
  const origins = new Set(settings.allowedOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, '')));
  const anyOrigin = origins.has('*');
  // What has been found good is not taken apart again; bounded, because it is the sender's text.
  const knownHosts = new Set<string>();

  return (req) => {
    refuseDoubles(req.rawHeaders);
    const { host, origin } = req.headers;
    if (checksHost && (host === undefined || !knownHosts.has(host))) {
      const name = hostName(host);
      if (name === undefined || !hosts.has(name)) {
        throw new AppError(
          'host.refused',
          `This gateway does not answer for the host ${JSON.stringify((host ?? '').slice(0, 100))}. ALLOWED_HOSTS lists further names.`,
        );
      }
      if (knownHosts.size < 1000 && host !== undefined) knownHosts.add(host);
    }
    if (origin === undefined || anyOrigin) return;
    const sent = origin.toLowerCase();
    if (origins.has(sent) || isSameOrigin(sent, host)) return;
    throw new AppError(
      'origin.refused',
      `Pages of ${JSON.stringify(origin.slice(0, 100))} may not call this gateway. ALLOWED_ORIGINS lists those that may.`,
    );
  };
}

/**
 * What we decide by must be what a proxy before us decided by, and of two it may have taken the other (RFC 9112 3.2, RFC 9110 5.3).
 * @param raw names and values in turn
 */
function refuseDoubles(raw: readonly string[]): void {
  let hosts = 0;
  let authorizations = 0;
  // Only what could be one by its length is counted first: this runs for every request, and lower case would be new text each time.
  for (let at = 0; at < raw.length; at += 2) {
    const { length } = raw[at] as string;
    if (length === 4) hosts++;
    else if (length === 13) authorizations++;
  }
  if (hosts > 1) refuseDouble(raw, 'Host');
  if (authorizations > 1) refuseDouble(raw, 'Authorization');
}

function refuseDouble(raw: readonly string[], header: string): void {
  const count = raw.filter((name, at) => at % 2 === 0 && name.toLowerCase() === header.toLowerCase()).length;
  if (count > 1) throw new AppError('request.bad_input', `The header ${header} was sent more than once.`);
}

/** Is the page one that this very gateway served? */
function isSameOrigin(origin: string, host: string | undefined): boolean {
  return host !== undefined && (origin === `http://${host.toLowerCase()}` || origin === `https://${host.toLowerCase()}`);
}

/** The host without its port; undefined when it is not a host at all. */
function hostName(host: string | undefined): string | undefined {
  if (host === undefined || host === '') return undefined;
  const lower = host.toLowerCase();
  if (isIP(lower) === 6) return lower;
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/.exec(lower);
  return match?.[1];
}
