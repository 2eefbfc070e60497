// What the REST front is made from; the composition root hands it over.
import type { IncomingMessage } from 'node:http';
import type { Authenticator } from '#base/access';
import type { Logger } from '#base/kernel';
import type { ChangeRecorder, RouteSpec } from '#control-plane/http-contract';

export interface RestSettings {
  readonly appName: string;
  readonly appVersion: string;
  readonly bodyBytesMax: number;
  /** SECURITY_HEADERS_ENABLED */
  readonly hasSecurityHeaders: boolean;
  /** DOCS_ALLOW_BASIC_AUTH: may Basic open /openapi.json? */
  readonly docsAllowBasicAuth: boolean;
  /** APP_ROOT_PATH */
  readonly rootPath: string;
}

export interface RestAppParts {
  readonly routes: readonly RouteSpec[];
  readonly authenticator: Authenticator;
  /** For /openapi.json, when Basic is taken there but not elsewhere; otherwise the same. */
  readonly docsAuthenticator?: Authenticator;
  readonly settings: RestSettings;
  readonly log: Logger;
  readonly recordChange: ChangeRecorder;
  /** The client's address as the edge sees it, behind trusted proxies too. The socket's when absent. */
  readonly clientAddressOf?: (request: IncomingMessage) => string;
}
