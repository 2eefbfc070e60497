// Names what went wrong on the way to an upstream, in words for the caller and, apart from them, details for the operator.
import { AppError } from '#base/kernel';

const NEVER_SENT: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused (is it running, and is the port right?)',
  ENOTFOUND: 'its host name does not resolve',
  EAI_AGAIN: 'its host name could not be looked up',
  EHOSTUNREACH: 'no route to its host',
  ENETUNREACH: 'its network is unreachable',
  ETIMEDOUT: 'connecting took too long',
  UND_ERR_CONNECT_TIMEOUT: 'connecting took too long',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its TLS certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its TLS certificate chain is self-signed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its TLS certificate could not be verified',
  CERT_HAS_EXPIRED: 'its TLS certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its TLS certificate is for another host',
};

/** @param name the gateway's name for the upstream; the URL stays in `internal` */
export function networkError(error: unknown, name: string, url: string): AppError {
  if (error instanceof AppError) {
    return new AppError('upstream.unreachable', `Cannot connect to gateway "${name}": the gateway's outbound guard refuses its address.`, {
      internal: `${url}: ${error.message}`,
      cause: error,
    });
  }
  const code = errorCode(error);
  const internal = `${url}: ${error instanceof Error ? error.message : String(error)} (${code})`;
  const neverSent = NEVER_SENT[code];
  if (neverSent !== undefined)
    return new AppError('upstream.unreachable', `Cannot connect to gateway "${name}": ${neverSent}.`, { internal, cause: error });
  if (code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') {
    return new AppError('upstream.bad_answer', `Gateway "${name}" did not answer in valid HTTP.`, { internal, cause: error });
  }
  return new AppError('upstream.connection_lost', `The connection to gateway "${name}" broke before the answer was complete.`, {
    internal,
    cause: error,
  });
}

function errorCode(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0]);
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'unknown';
}
