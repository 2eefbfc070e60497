// The door for everything that is not MCP: the data plane's edge hands raw requests in, so that one listener serves both.
// Nothing outside this room knows that Fastify answers them.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RestAppParts } from './rest-app-parts.ts';
import { buildRestApp } from './rest-app.ts';

export interface RestFront {
  /** Answers one request. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  close(): Promise<void>;
}

export async function createRestFront(parts: RestAppParts): Promise<RestFront> {
  const app = await buildRestApp(parts);
  return {
    handle: (request, response) => app.routing(request, response),
    close: () => app.close(),
  };
}
