// The one listener: the only way in. Checks who may knock, then hands MCP to its door and everything else to the front.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, toAppError, type Logger } from '#base/kernel';
import { answerCors } from './cors.ts';
import { createDoorRoutes, type DoorTable } from './door-routes.ts';
import { createRequestGuard, type RequestGuardSettings } from './request-guard.ts';

export interface EdgeSettings extends RequestGuardSettings {
  readonly host: string;
  readonly port: number;
  /** Path prefix when served below one, e.g. `/gateway`; '' for none. */
  readonly rootPath: string;
  readonly corsEnabled: boolean;
}

export interface EdgeParts {
  readonly doors: DoorTable;
  /** REST and pages. */
  readonly front: { handle(req: IncomingMessage, res: ServerResponse): void };
  readonly logger: Logger;
}

export interface Edge {
  /** Listens; resolves with the address in use. Throws when the port is taken. */
  listen(): Promise<AddressInfo>;
  /** Takes no new connections and closes idle ones. */
  stopAccepting(): void;
  /** Resolves when the front has answered what was under way, or after `graceMs`. */
  frontIdle(graceMs: number): Promise<void>;
  /** Gives answers that are on their way a moment to leave, then closes what is left. */
  close(): Promise<void>;
}

const FLUSH_MS = 1_000;
const CHECK_MS = 20;

export function createEdge(settings: EdgeSettings, parts: EdgeParts): Edge {
  const guard = createRequestGuard(settings);
  const routeOf = createDoorRoutes(parts.doors);
  const server: Server = createServer({ keepAliveTimeout: 65_000, headersTimeout: 20_000, requestTimeout: 120_000, noDelay: true, keepAlive: true });
  let isStopping = false;
  /** Requests the front is answering. Calls are counted by the gateway. */
  let atFront = 0;

  function pathOf(req: IncomingMessage): string {
    const url = req.url ?? '/';
    const query = url.indexOf('?');
    const path = query === -1 ? url : url.slice(0, query);
    const { rootPath } = settings;
    if (rootPath === '' || !(path === rootPath || path.startsWith(`${rootPath}/`))) return path;
    const below = url.slice(rootPath.length);
    req.url = below.startsWith('/') ? below : `/${below}`;
    return path.slice(rootPath.length);
  }

  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    try {
      guard(req);
      if (isStopping) res.shouldKeepAlive = false;
      if (settings.corsEnabled && answerCors(req, res, settings.allowedOrigins.includes('*'))) return;
      const route = routeOf(pathOf(req));
      if (route === undefined) {
        atFront++;
        res.once('close', () => atFront--);
        parts.front.handle(req, res);
      } else route.door(req, res, route.serverId, req.socket.remoteAddress ?? '');
    } catch (error) {
      refuse(res, toAppError(error), parts.logger);
    }
  });

  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const status =
      error.code === 'HPE_HEADER_OVERFLOW'
        ? '431 Request Header Fields Too Large'
        : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
          ? '408 Request Timeout'
          : '400 Bad Request';
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });

  return {
    async listen() {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(settings.port, settings.host, () => {
          server.off('error', reject);
          resolve();
        });
      });
      return server.address() as AddressInfo;
    },
    stopAccepting() {
      isStopping = true;
      server.close();
      server.closeIdleConnections();
    },
    frontIdle: (graceMs) => until(() => atFront === 0, graceMs),
    async close() {
      let isClosed = false;
      const closed = new Promise<void>((resolve) => server.close(() => resolve())).then(() => (isClosed = true));
      await until(() => {
        server.closeIdleConnections();
        return isClosed;
      }, FLUSH_MS);
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Looks now and then whether it is so; gives up after `graceMs`. */
async function until(isSo: () => boolean, graceMs: number): Promise<void> {
  const giveUpAtMs = Date.now() + graceMs;
  while (!isSo() && Date.now() < giveUpAtMs) await sleep(CHECK_MS);
}

/** Refusals before anything is known of the request: a body both REST and MCP clients can show. */
function refuse(res: ServerResponse, error: AppError, logger: Logger): void {
  if (error.code === 'internal') logger.error('A request could not be handled', { id: error.id, internal: error.internal });
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const body = JSON.stringify({ detail: error.message });
  res.writeHead(error.status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
}
