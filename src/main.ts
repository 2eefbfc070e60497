// Hands the command line what its commands do. Everything else is app.ts and engine.ts.
import type { LoadedConfig } from '#base/config';
import { createTokenService, signToken } from '#control-plane/tokens';
import { packageVersion, processSurroundings, runCli, type RunningGateway, type StdioWords } from '#front/cli';
import { openLog, type OpenLog } from '#platform/log';
import { openTracing, type Tracing } from '#platform/tracing';
import { startApp } from './app.ts';
import { openConfiguredDatabase, tokenSettings } from './engine.ts';
import { examineUpstreams } from './examine-upstreams.ts';
import { serveStdio } from './stdio-app.ts';

async function serve({ config }: LoadedConfig): Promise<RunningGateway> {
  const log = openLog(config.log);
  const tracing = await openTracing(config.tracing, packageVersion(), log.logger);
  const app = await startApp(config, log.logger, packageVersion(), tracing?.spans);
  const stopping = signalled();
  return {
    port: app.port,
    upstreams: app.upstreams,
    stopping,
    stopped: endingWith(
      stopping.then(() => app.stop()),
      tracing,
      log,
    ),
  };
}

async function stdio({ config }: LoadedConfig, words: StdioWords): Promise<void> {
  const log = openLog(config.log);
  const tracing = await openTracing(config.tracing, packageVersion(), log.logger);
  await endingWith(serveStdio(config, log.logger, tracing?.spans, words, signalled()), tracing, log);
}

/** Closes what all of the work speaks through. The last spans may leave a line in the log. */
async function endingWith(work: Promise<void>, tracing: Tracing | undefined, log: OpenLog): Promise<void> {
  try {
    await work;
  } finally {
    await tracing?.close();
    log.close();
  }
}

function signalled(): Promise<void> {
  // `on`, not `once`: a signal to the whole process group arrives once more through npm or the launcher, and must not cut the
  // orderly end short.
  return new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve());
  });
}

async function withDatabase<T>(
  { config }: LoadedConfig,
  work: (database: Awaited<ReturnType<typeof openConfiguredDatabase>>) => Promise<T>,
): Promise<T> {
  const log = openLog(config.log);
  const database = await openConfiguredDatabase(config, log.logger);
  try {
    return await work(database);
  } finally {
    await database.close();
    log.close();
  }
}

const code = await runCli(
  process.argv,
  {
    serve,
    stdio,
    examine: ({ config }) => examineUpstreams(config),
    migrate: (loaded) =>
      withDatabase(loaded, async ({ migrated }) => (migrated.length === 0 ? 'The database was up to date.' : `Migrated: ${migrated.join(', ')}.`)),
    issueToken: ({ config }, spec) => signToken(tokenSettings(config), spec),
    revokeToken: (loaded, jti, expiresAt) => withDatabase(loaded, (database) => createTokenService(database).revoke(jti, 'command line', expiresAt)),
  },
  processSurroundings(),
);
// A start that failed half-way leaves workers behind, which would keep the process.
process.exit(code);
