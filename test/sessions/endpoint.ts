/** Where a scripted client connects to, whichever of the three transports it takes there. */
export type Transport = 'streamableHttp' | 'sse' | 'stdio';

export interface HttpEndpoint {
  readonly transport: 'streamableHttp' | 'sse';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface StdioEndpoint {
  readonly transport: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export type Endpoint = HttpEndpoint | StdioEndpoint;
