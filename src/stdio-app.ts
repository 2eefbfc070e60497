// The gateway for one local client on this process's own stdin and stdout: the engine and a stdio door, no listener and no REST.
import type { Config } from '#base/config';
import { AppError, normaliseId, type Logger, type SpanSink } from '#base/kernel';
import { signToken } from '#control-plane/tokens';
import { openStdioDoor } from '#data-plane/transports';
import { startEngine, tokenSettings } from './engine.ts';

export interface StdioChoice {
  /** Undefined: all that the caller may see. */
  readonly server: string | undefined;
  /** A token, bare or as the value of an Authorization header. Undefined: the administrator's, made here. */
  readonly auth: string | undefined;
}

/** It lives as long as the process and is never written down. */
const OWN_TOKEN_MINUTES = 366 * 24 * 60;
/** For the end of a session to reach its upstream. */
const LAST_WORDS_MS = 1000;

/**
 * Serves until the client has gone or `stopped` resolves.
 * Throws AppError `auth.*`, `server.*` or `access.denied` when the caller may not use the server.
 */
export async function serveStdio(
  config: Config,
  log: Logger,
  spans: SpanSink | undefined,
  choice: StdioChoice,
  stopped: Promise<void>,
): Promise<void> {
  const authorization = await authorizationOf(config, choice.auth);
  const engine = await startEngine(config, log, spans);
  try {
    const settings = {
      serverId: choice.server === undefined ? '' : normaliseId(choice.server),
      authorization,
      maxLineBytes: config.http.bodyBytesMax,
    };
    const door = await openStdioDoor(engine.gateway, settings, process.stdin, process.stdout);
    await Promise.race([door.ended, stopped]);
    await door.stop();
  } finally {
    // The door has waited for what is worth waiting for.
    await engine.drain(LAST_WORDS_MS);
    await engine.close();
  }
}

/** Whoever can read the database and the key is the operator, who could make this token too. */
async function authorizationOf(config: Config, given: string | undefined): Promise<string | undefined> {
  if (given !== undefined) return /^\w+ /.test(given) ? given : `Bearer ${given}`;
  if (!config.auth.required) return undefined;
  const settings = tokenSettings(config);
  if (!settings.algorithm.startsWith('HS') && settings.privateKeyPem === undefined) {
    throw new AppError(
      'config.invalid',
      'There is no private key here to sign a token with. Pass one that was signed elsewhere: --auth or MCP_AUTH.',
    );
  }
  return `Bearer ${await signToken(settings, { username: config.auth.adminEmail, isAdmin: true, teams: null, expiresInMinutes: OWN_TOKEN_MINUTES })}`;
}
