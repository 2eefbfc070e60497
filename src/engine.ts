// What runs whichever doors are open: the gateway with its catalogue, records and upstreams, built top to bottom in the order they
// need each other. app.ts puts a listener and REST in front of it, stdio-app.ts one client on this process's own stdin and stdout.
import type { Authenticator } from '#base/access';
import type { Config } from '#base/config';
import type { Logger, SpanSink } from '#base/kernel';
import { createOutbound } from '#base/net';
import { openRecordStore, recordsPath, type RecordStore } from '#control-plane/audit';
import { createCatalog } from '#control-plane/catalog';
import { createColumnCipher, openDatabase, type Database } from '#control-plane/db';
import { createItemServices, type ItemServices } from '#control-plane/items';
import { createAuthenticator, createTokenService, type TokenSettings } from '#control-plane/tokens';
import { createUpstreamService, type UpstreamService } from '#control-plane/upstreams';
import { createGateway, RECORD_COLUMNS, RECORD_DIRECTIONS, RECORD_OUTCOMES, type Gateway } from '#data-plane/gateway';
import {
  createBridge,
  createCombinedUpstream,
  HealthBook,
  openUpstreams,
  startCatalogueWatch,
  startHealthProbe,
  type CatalogueWatch,
} from '#data-plane/upstream';

const RECORD_SHAPE = { columns: RECORD_COLUMNS, directions: RECORD_DIRECTIONS, outcomes: RECORD_OUTCOMES };
const CONNECT_TIMEOUT_MS = 10_000;
const SESSIONS_MAX = 50_000;
/** Commits of other processes on the same database are seen well within a second (decisions.md 18). */
const CHANGE_POLL_MS = 250;
/** Upstreams that change all the time are read at this pace. */
const REFRESH_SETTLE_MS = 500;
const REFRESH_PAUSE_MS = 5_000;

export interface Engine {
  readonly gateway: Gateway;
  readonly database: Database;
  readonly records: RecordStore;
  readonly health: HealthBook;
  readonly upstreams: UpstreamService;
  readonly items: ItemServices;
  readonly authenticator: Authenticator;
  /** For the pages of documentation, which may take what the rest does not. */
  readonly docsAuthenticator: Authenticator;
  /** What is held now and was counted since the start, for `GET /version`. */
  traffic(): Readonly<Record<string, unknown>>;
  /** Lets running calls end up to `graceMs`, then ends them and all streams and sessions. */
  drain(graceMs: number): Promise<void>;
  /** Ends what is behind the gateway; after `drain`, and after the doors. */
  close(): Promise<void>;
}

/** @param spans where a span of each message goes, while tracing is on */
export async function startEngine(config: Config, log: Logger, spans: SpanSink | undefined): Promise<Engine> {
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
    { outbound, health, logger: log, onListChanged: (id) => watch.changed(id) },
  );
  const reader = behind.reader(registrationTimeoutMs);
  const bridge = createBridge({
    port: behind,
    snapshot: () => gateway.snapshots.current,
    logger: log,
    handshakeTimeoutMs: registrationTimeoutMs,
    answerTimeoutMs: config.upstream.answerTimeoutSeconds * 1000,
    parkedMax: config.upstream.waitingCallsMax,
    secret: config.auth.encryptionSecret,
    freshUntilMs: (id) => watch.freshUntilMs(id),
    onQuestionOver: (question) => gateway.recordQuestion(question),
    onListChanged: (id) => watch.changed(id),
  });
  const combined = createCombinedUpstream({
    port: bridge,
    snapshot: () => gateway.snapshots.current,
    logger: log,
    handshakeTimeoutMs: registrationTimeoutMs,
    pageSize: config.paging.listPageSize,
    freshUntilMs: (id) => watch.freshUntilMs(id),
    onListChanged: (id) => watch.changed(id),
  });

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
    { authenticator, upstream: combined, records: records.sink, spans, logger: log, onListChanged: (id) => watch.changed(id) },
  );

  const names = { separator: config.upstream.nameSeparator, charsMax: config.upstream.nameCharsMax };
  const items = createItemServices({ database, health, names });
  await items.settleNames();
  const watch: CatalogueWatch = startCatalogueWatch(
    {
      settleMs: REFRESH_SETTLE_MS,
      pauseMs: REFRESH_PAUSE_MS,
      intervalMs: config.upstream.refreshIntervalSeconds * 1000,
      handshakeTimeoutMs: registrationTimeoutMs,
    },
    { port: behind, snapshot: () => gateway.snapshots.current, refresh: (id) => upstreams.refreshUnattended(id), logger: log },
  );

  const catalog = createCatalog({ database, cipher, listRevokedTokenIds: () => tokens.listRevoked(new Date()), log });
  const reload = async (): Promise<void> => {
    gateway.snapshots.swap(await catalog.load());
    health.keepOnly(gateway.snapshots.current.upstreams);
    behind.keepOnly(gateway.snapshots.current.upstreams);
    bridge.keepOnly(gateway.snapshots.current.upstreams);
    combined.snapshotChanged();
    watch.snapshotChanged();
  };
  database.onChange(reload);
  const stopPolling = database.pollChanges(CHANGE_POLL_MS);
  await reload();
  const probe = startHealthProbe(
    health,
    behind.greeter(config.upstream.healthTimeoutSeconds * 1000),
    () => [...gateway.snapshots.current.upstreams.values()].map((entry) => entry.row),
    {
      timeoutMs: config.upstream.healthTimeoutSeconds * 1000,
      // Saved without having been read: deferred, or the credentials came later; or what is known of it is old.
      onReady: ({ id }) => {
        const row = gateway.snapshots.current.upstreams.get(id)?.row;
        if (row !== undefined && ((!row.modern && !row.legacy) || row.staleSince !== null)) watch.changed(id);
      },
    },
    log,
  );

  const upstreams = createUpstreamService({
    database,
    cipher,
    reader,
    health,
    settings: { maskedAuthValue: config.auth.maskedValue, readTimeoutMs: registrationTimeoutMs, names },
  });

  return {
    gateway,
    database,
    records,
    health,
    upstreams,
    items,
    authenticator,
    docsAuthenticator,
    traffic() {
      const { waiting, parked, resumed, expired } = bridge.waitingCalls;
      return {
        client_sessions: gateway.sessionCount,
        bridged_upstream_sessions: bridge.upstreamSessionCount,
        waiting_calls: { waiting, parked, resumed, expired },
      };
    },
    async drain(graceMs) {
      stopPolling();
      probe.close();
      await watch.close();
      await gateway.close(graceMs);
    },
    async close() {
      await combined.close();
      await bridge.close();
      await behind.close();
      await outbound.close();
      await records.close();
      await database.close();
    },
  };
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
