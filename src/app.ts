// The composition root: the only place that builds things and wires rooms together, top to bottom in the order they need each other.
import type { Config } from '#base/config';
import type { Logger } from '#base/kernel';
import { createOutbound } from '#base/net';
import { auditRoutes, openRecordStore, recordsPath } from '#control-plane/audit';
import { createCatalog } from '#control-plane/catalog';
import { createColumnCipher, openDatabase, type Database } from '#control-plane/db';
import { createServerService, serverRoutes } from '#control-plane/servers';
import { systemRoutes } from '#control-plane/system';
import { createAuthenticator, createTokenService, type TokenSettings } from '#control-plane/tokens';
import { createToolService, toolRoutes } from '#control-plane/tools';
import { createUpstreamService, upstreamRoutes } from '#control-plane/upstreams';
import { createEdge } from '#data-plane/edge';
import { createGateway, RECORD_COLUMNS, RECORD_DIRECTIONS, RECORD_OUTCOMES, type Gateway } from '#data-plane/gateway';
import { createRpcDoor, createStreamableHttp } from '#data-plane/transports';
import { HealthBook, openUpstreams, startHealthProbe } from '#data-plane/upstream';
import { createRestFront } from '#front/rest';

const RECORD_SHAPE = { columns: RECORD_COLUMNS, directions: RECORD_DIRECTIONS, outcomes: RECORD_OUTCOMES };
const NEWEST_PROTOCOL_VERSION = '2026-07-28';
const CONNECT_TIMEOUT_MS = 10_000;
const SESSIONS_MAX = 50_000;
const DRAIN_MS = 10_000;
/** Commits of other processes on the same database are seen well within a second (decisions.md 18). */
const CHANGE_POLL_MS = 250;

export interface RunningApp {
  readonly host: string;
  readonly port: number;
  /** Lets calls end, ends streams properly, writes the last records, closes. Safe to call twice. */
  stop(): Promise<void>;
}

/** @param appVersion shown by /version, /openapi.json and `GET /` */
export async function startApp(config: Config, log: Logger, appVersion: string): Promise<RunningApp> {
  const outbound = createOutbound({
    guard: { ...config.ssrf },
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    dnsFailClosed: config.ssrf.dnsFailClosed,
    verifyTls: !config.upstream.skipTlsVerify,
  });
  const database = await openConfiguredDatabase(config, log);
  const records = await openRecordStore({ path: recordsPath(config.database.path ?? ':memory:'), shape: RECORD_SHAPE, log });
  const cipher = createColumnCipher(config.auth.encryptionSecret);
  const tokens = createTokenService(database);
  const health = new HealthBook({ threshold: config.upstream.unhealthyThreshold, probeIntervalMs: config.upstream.healthIntervalSeconds * 1000 });
  const registrationTimeoutMs = config.upstream.registrationTimeoutSeconds * 1000;
  const behind = await openUpstreams(
    {
      stdio: { ...config.stdio, idleMs: config.stdio.idleSeconds * 1000 },
      handshakeTimeoutMs: registrationTimeoutMs,
      databasePath: config.database.path,
    },
    { outbound, health, logger: log },
  );
  const reader = behind.reader(registrationTimeoutMs);

  const settings = tokenSettings(config);
  const isRevoked = (tokenId: string): boolean => gateway.snapshots.current.revokedTokenIds.has(tokenId);
  const authenticator = createAuthenticator(settings, { isRevoked });
  const docsAuthenticator = createAuthenticator(
    { ...settings, basic: { ...settings.basic, allowed: config.auth.basicAllowedOnDocs } },
    { isRevoked },
  );

  const gateway: Gateway = createGateway(
    {
      toolTimeoutMs: config.upstream.toolTimeoutSeconds * 1000,
      toolTimeoutMaxMs: config.upstream.toolTimeoutMaxSeconds * 1000,
      sessionIdleMs: config.upstream.sessionTtlSeconds * 1000,
      sessionsMax: SESSIONS_MAX,
    },
    { authenticator, upstream: behind, records: records.sink, logger: log },
  );

  const catalog = createCatalog({ database, cipher, listRevokedTokenIds: () => tokens.listRevoked(new Date()), log });
  const reload = async (): Promise<void> => {
    gateway.snapshots.swap(await catalog.load());
    health.keepOnly(gateway.snapshots.current.upstreams);
    behind.keepOnly(gateway.snapshots.current.upstreams);
  };
  database.onChange(reload);
  const stopPolling = database.pollChanges(CHANGE_POLL_MS);
  await reload();
  const probe = startHealthProbe(
    health,
    behind.reader(config.upstream.healthTimeoutSeconds * 1000),
    () => [...gateway.snapshots.current.upstreams.values()].map((entry) => entry.row),
    {
      timeoutMs: config.upstream.healthTimeoutSeconds * 1000,
      // Saved without having been read: deferred, or the credentials came later.
      onReady: async (row) => {
        if (!row.modern && !row.legacy) await upstreams.refreshUnattended(row.id);
      },
    },
    log,
  );

  let isReady = false;
  const tools = createToolService({ database, health });
  const pageSizes = { defaultSize: config.paging.defaultSize, maxSize: config.paging.maxSize };
  const upstreams = createUpstreamService({
    database,
    cipher,
    reader,
    health,
    settings: { maskedAuthValue: config.auth.maskedValue, readTimeoutMs: registrationTimeoutMs },
  });
  const front = await createRestFront({
    routes: [
      ...systemRoutes({
        database,
        appName: config.app.name,
        appVersion,
        databaseUrl: config.database.url,
        protocolVersion: NEWEST_PROTOCOL_VERSION,
        isReady: () => isReady,
      }),
      ...upstreamRoutes(upstreams, pageSizes),
      ...serverRoutes(createServerService({ database, tools }), pageSizes),
      ...toolRoutes(tools, pageSizes),
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

  const mcp = createStreamableHttp(gateway, { maxBodyBytes: config.http.bodyBytesMax }, log);
  const rpc = createRpcDoor(gateway, { maxBodyBytes: config.http.bodyBytesMax, appVersion }, log);
  const edge = createEdge({ ...config.http }, { doors: { '/servers/{id}/mcp': mcp.handle, '/rpc': rpc.handle }, front, logger: log });
  const address = await edge.listen();
  isReady = true;

  let stopping: Promise<void> | undefined;
  return {
    host: address.address,
    port: address.port,
    stop: () => (stopping ??= stop()),
  };

  async function stop(): Promise<void> {
    isReady = false;
    edge.stopAccepting();
    stopPolling();
    probe.close();
    await Promise.all([gateway.close(DRAIN_MS), edge.frontIdle(DRAIN_MS)]);
    mcp.close();
    rpc.close();
    await edge.close();
    await front.close();
    await behind.close();
    await outbound.close();
    await records.close();
    await database.close();
  }
}

/** For commands that need the database without the gateway. */
export function openConfiguredDatabase(config: Config, log: Logger): Promise<Database> {
  return openDatabase({ url: config.database.url, busyTimeoutMs: config.database.busyTimeoutMs, log });
}

/** What tokens are signed and checked with. */
export function tokenSettings(config: Config): TokenSettings {
  const { auth, jwt } = config;
  return {
    algorithm: jwt.algorithm,
    secret: jwt.secretKey,
    publicKeyPem: jwt.publicKeyPem,
    privateKeyPem: jwt.privateKeyPem,
    audience: jwt.audience,
    issuer: jwt.issuer,
    verifyAudience: jwt.verifyAudience,
    verifyIssuer: jwt.verifyIssuer,
    requireExpiration: jwt.requireExpiration,
    requireJti: jwt.requireJti,
    expiryMinutes: jwt.expiryMinutes,
    basic: { user: auth.basicUser, password: auth.basicPassword, allowed: auth.basicAllowed },
    adminEmail: auth.adminEmail,
    authRequired: auth.required,
    anonymousIsAdmin: auth.anonymousIsAdmin,
  };
}
