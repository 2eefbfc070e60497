// The gateway behind its listener: the doors for MCP clients and REST, in front of the engine.
import type { Config } from '#base/config';
import { AppError, type Logger, type SpanSink } from '#base/kernel';
import { auditRoutes } from '#control-plane/audit';
import { promptRoutes, resourceRoutes, toolRoutes } from '#control-plane/items';
import { createServerService, serverRoutes } from '#control-plane/servers';
import { systemRoutes } from '#control-plane/system';
import { upstreamRoutes, type UpstreamService } from '#control-plane/upstreams';
import { createEdge, type DoorTable } from '#data-plane/edge';
import { createRpcDoor, createRestCalls, createSseDoor, createStreamableHttp, type DoorHandler } from '#data-plane/transports';
import { uriOfItem } from '#data-plane/upstream';
import { createRestFront } from '#front/rest';
import { startEngine, type Engine } from './engine.ts';

const NEWEST_PROTOCOL_VERSION = '2026-07-28';
const DRAIN_MS = 10_000;

export interface RunningApp {
  readonly host: string;
  readonly port: number;
  readonly upstreams: UpstreamService;
  /** Lets calls end, ends streams properly, writes the last records, closes. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * @param appVersion shown by /version, /openapi.json and `GET /`
 * @param spans where a span of each message goes, while tracing is on
 */
export async function startApp(config: Config, log: Logger, appVersion: string, spans: SpanSink | undefined): Promise<RunningApp> {
  const engine = await startEngine(config, log, spans);
  const { gateway, database, records, upstreams, items, authenticator, docsAuthenticator } = engine;
  let isReady = false;
  const pageSizes = { defaultSize: config.paging.defaultSize, maxSize: config.paging.maxSize };
  const calls = { ...createRestCalls(gateway), uriOf: (id: string) => uriOfItem(gateway.snapshots.current, id) };
  const front = await createRestFront({
    routes: [
      ...systemRoutes({
        database,
        appName: config.app.name,
        appVersion,
        databaseUrl: config.database.url,
        protocolVersion: NEWEST_PROTOCOL_VERSION,
        isReady: () => isReady,
        traffic: () => engine.traffic(),
      }),
      ...upstreamRoutes(upstreams, pageSizes),
      ...serverRoutes(createServerService({ database, items }), pageSizes),
      ...toolRoutes(items.tools, pageSizes),
      ...resourceRoutes(items.resources, calls, pageSizes),
      ...promptRoutes(items.prompts, calls, pageSizes),
      ...auditRoutes({ records, beforeQuery: () => gateway.flushRecords() }),
    ],
    authenticator,
    docsAuthenticator,
    settings: {
      appName: config.app.name,
      appVersion,
      bodyBytesMax: config.http.bodyBytesMax,
      hasSecurityHeaders: config.http.securityHeaders,
      docsAllowBasicAuth: config.auth.basicAllowedOnDocs,
      rootPath: config.http.rootPath,
    },
    log,
    recordChange: records.recordChange,
  });

  const doors = openDoors(config, engine, log, appVersion);
  const edge = createEdge({ ...config.http }, { doors: doors.table, front, logger: log });
  const address = await edge.listen();
  isReady = true;

  let stopping: Promise<void> | undefined;
  return {
    host: address.address,
    port: address.port,
    upstreams,
    stop: () => (stopping ??= stop()),
  };

  async function stop(): Promise<void> {
    isReady = false;
    edge.stopAccepting();
    await Promise.all([engine.drain(DRAIN_MS), edge.frontIdle(DRAIN_MS)]);
    doors.close();
    await edge.close();
    await front.close();
    await engine.close();
  }
}

function openDoors({ http }: Config, { gateway }: Engine, log: Logger, appVersion: string): { readonly table: DoorTable; close(): void } {
  const maxBodyBytes = http.bodyBytesMax;
  const keepAliveMs = http.sseKeepAliveEnabled ? http.sseKeepAliveSeconds * 1000 : Number.POSITIVE_INFINITY;
  const mcp = createStreamableHttp(gateway, { maxBodyBytes, keepAliveMs }, log);
  const rpc = createRpcDoor(gateway, { maxBodyBytes, appVersion }, log);
  const sse = createSseDoor(gateway, { maxBodyBytes, rootPath: http.rootPath, retryMs: http.sseRetryMs, keepAliveMs }, log);
  const offered = (isOffered: boolean, door: DoorHandler): DoorHandler => (isOffered ? door : closedDoor(http.transportType));
  const hasHttp = ['all', 'http', 'streamablehttp'].includes(http.transportType);
  const hasSse = ['all', 'sse'].includes(http.transportType);
  return {
    table: {
      '/mcp': offered(hasHttp, mcp.handle),
      '/servers/{id}/mcp': offered(hasHttp, mcp.handle),
      '/rpc': offered(hasHttp, rpc.handle),
      '/servers/{id}/sse': offered(hasSse, sse.stream),
      '/servers/{id}/message': offered(hasSse, sse.message),
      '/sse': offered(hasSse, sse.stream),
      '/message': offered(hasSse, sse.message),
    },
    close() {
      mcp.close();
      rpc.close();
      sse.close();
    },
  };
}

function closedDoor(transportType: string): DoorHandler {
  return () => {
    throw new AppError('route.not_found', `This gateway does not offer this transport: TRANSPORT_TYPE is ${transportType}.`);
  };
}
