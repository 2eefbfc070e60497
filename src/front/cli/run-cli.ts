// The command line: which commands there are, what they take, and how they end (0 done, 2 wrong usage or configuration, 1 the rest).
import { existsSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { loadConfig, processEnvironment, type LoadedConfig, type LoadOptions } from '#base/config';
import { AppError, toAppError } from '#base/kernel';
import { askOnTerminal } from './ask-on-terminal.ts';
import { allowCommandsOf, bringUp } from './bring-up.ts';
import type { CliCommands, CliSurroundings, RunningGateway } from './commands.ts';
import { describeConfig, describeDoctor } from './diagnosis-commands.ts';
import { readMcpConfig, type McpConfig } from './mcp-config.ts';
import { painter, wantsColour } from './paint.ts';
import { baseUrlOf, startNotice } from './start-notice.ts';
import { tokenReference, tokenSpec, type TokenFlags } from './token-spec.ts';
import { packageVersion } from './version.ts';

interface CommonFlags {
  readonly configFile?: string;
}
interface ServeFlags extends CommonFlags {
  readonly host?: string;
  readonly port?: string;
  readonly config?: string;
  readonly mcpConfig?: string;
}
interface NamedMcpConfig {
  /** As the user wrote it. */
  readonly file: string;
  readonly config: McpConfig;
}
interface StdioFlags extends CommonFlags {
  readonly server?: string;
  readonly auth?: string;
}
interface IssueFlags extends CommonFlags, TokenFlags {
  readonly secret?: string;
  readonly algo?: string;
}

/** @param argv as `process.argv`: program, script, words */
export async function runCli(argv: readonly string[], commands: CliCommands, surroundings: CliSurroundings): Promise<number> {
  let code = 0;
  try {
    await createProgram(commands, surroundings, (end) => (code = end)).parseAsync([...argv]);
    return code;
  } catch (thrown) {
    // Commander has already told the user what was wrong.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    const error = toAppError(thrown);
    // Whoever runs a command is the operator, so what is kept from callers is theirs to read.
    const words =
      error.code === 'internal' ? [error.internal ?? error.message] : [error.message, ...(error.internal === undefined ? [] : [error.internal])];
    surroundings.err(`${words.join('\n  ')}\n`);
    return error.kind.fault === 'client' || error.kind.fault === 'config' ? 2 : 1;
  }
}

function createProgram(commands: CliCommands, io: CliSurroundings, endWith: (code: number) => void): Command {
  const load = (flags: CommonFlags, more: Pick<LoadOptions, 'flags' | 'keepsSecrets'> = {}): LoadedConfig =>
    loadConfig({ env: io.env, cwd: io.cwd, configFile: flags.configFile, ...more });

  const program = new Command('mcpgateway')
    .description('One clean, secure, fast endpoint in front of many MCP servers.')
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .showHelpAfterError('(--help shows what there is)');

  withConfigFile(program.command('serve', { isDefault: true }))
    .description('run the gateway (default)')
    // A word that is no command ends up here.
    .allowExcessArguments()
    .option('--host <address>', 'address to listen on (HOST)')
    .option('--port <number>', 'port to listen on (PORT)')
    .option('--config <path>', 'start the MCP servers of this mcp.json, as Claude, Cursor or VS Code have it')
    .option('--mcp-config <path>', 'the same')
    .action(async (flags: ServeFlags, command: Command) => {
      const [word] = command.args;
      if (word !== undefined) command.error(`error: unknown command '${word}'`);
      const file = flags.config ?? flags.mcpConfig;
      const mcp = file === undefined ? undefined : { file, config: await readMcpConfig(file, io) };
      const given = load(flags, { flags: { HOST: flags.host, PORT: flags.port } });
      const loaded = mcp === undefined ? given : allowCommandsOf(mcp.config, given);
      const running = await commands.serve(loaded).catch((error: unknown) => {
        throw explained(error, loaded);
      });
      const token = await tokenForTerminal(loaded, commands, io);
      io.out(noticeOf(loaded, running.port, token, mcp, io));
      if (mcp !== undefined) {
        // What becomes of servers while the gateway stops tells nothing of them.
        const print = await Promise.race([serversNotice(mcp, loaded, running, token, io), running.stopping]);
        print?.();
      }
      await running.stopped;
    });

  withConfigFile(program.command('stdio'))
    .description('serve one server to a local MCP client on stdin and stdout')
    .option('--server <id>', 'id of the server; not needed where the caller may use only one')
    .option('--auth <token>', 'act as this token (MCP_AUTH); else as the administrator')
    .action(async (flags: StdioFlags) => {
      const loaded = load(flags);
      // Standard output is the client's.
      for (const warning of loaded.warnings) io.err(`Warning: ${warning}\n`);
      await commands.stdio(loaded, { server: flags.server, auth: flags.auth ?? (io.env['MCP_AUTH'] || undefined) }).catch((error: unknown) => {
        throw explained(error, loaded);
      });
    });

  const token = withConfigFile(program.command('token'))
    .description('make a token and print it')
    .option('-u, --username <name>', 'e-mail address or user name: the subject (PLATFORM_ADMIN_EMAIL)')
    .option('-e, --exp <minutes>', 'life in minutes, 0 for no expiry (TOKEN_EXPIRY)', minutes)
    .option('-s, --secret <key>', 'signing key (JWT_SECRET_KEY)')
    .option('--algo <name>', 'signature algorithm (JWT_ALGORITHM)')
    .option('--admin', 'an administrator’s token; the default for PLATFORM_ADMIN_EMAIL and BASIC_AUTH_USER')
    .option('--teams <ids>', 'comma-separated team ids; "" sees public rows only')
    .option('--data <json>', 'claims as JSON: username, is_admin, teams, scopes, jti')
    .action(async (flags: IssueFlags) => {
      const loaded = load(flags, { flags: { JWT_SECRET_KEY: flags.secret, JWT_ALGORITHM: flags.algo }, keepsSecrets: flags.secret === undefined });
      io.out(`${await commands.issueToken(loaded, tokenSpec(flags, loaded.config.auth.adminEmail))}\n`);
      const { path } = loaded.config.database;
      // The key was made for a gateway that has not run here; another one will not know it.
      if (loaded.origins['JWT_SECRET_KEY']?.source === 'generated' && path !== undefined && !existsSync(path))
        io.err(`Note: there is no database at ${path} yet. This token is good for a gateway started with that one.\n`);
    });

  withConfigFile(token.command('revoke'))
    .description('refuse a token from now on')
    .argument('<jti>', 'id of the token, or the token itself')
    .action(async (text: string, flags: CommonFlags) => {
      const { jti, expiresAt } = tokenReference(text);
      const loaded = load({ ...token.opts<CommonFlags>(), ...flags }, { keepsSecrets: false });
      ensureDatabaseIsThere(loaded);
      await commands.revokeToken(loaded, jti, expiresAt).catch((error: unknown) => {
        throw explained(error, loaded);
      });
      io.out(`revoked ${jti}\n`);
    });

  withConfigFile(program.command('migrate'))
    .description('bring the database up to date; serve does so by itself')
    .action(async (flags: CommonFlags) => {
      const loaded = load(flags, { keepsSecrets: false });
      const done = await commands.migrate(loaded).catch((error: unknown) => {
        throw explained(error, loaded);
      });
      io.out(`${done}\n`);
    });

  const diagnosis = { io, commands, load, endWith };
  describeConfig(withConfigFile(program.command('config')), diagnosis);
  describeDoctor(withConfigFile(program.command('doctor')), diagnosis);
  return program;
}

/** The ways in which a start fails that the user can mend, in words instead of a stack. */
function explained(error: unknown, { config }: LoadedConfig): unknown {
  if (error instanceof AppError && error.code === 'database.unavailable')
    return new AppError(error.code, `The database ${config.database.path ?? config.database.url} cannot be used.`, {
      internal: error.internal ?? error.message,
      cause: error,
    });
  const why = { EADDRINUSE: 'another program listens there', EACCES: 'this user may not', EADDRNOTAVAIL: 'this machine has no such address' };
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (!(code in why) || (error as NodeJS.ErrnoException).syscall !== 'listen') return error;
  const message = `HOST ${config.http.host}, PORT ${config.http.port} cannot be listened on: ${why[code as keyof typeof why]} (${code}).`;
  return new AppError('config.invalid', message, { cause: error });
}

/** Revoking in a database that is made for it, in the wrong folder perhaps, would stop nobody and look as if it did. */
function ensureDatabaseIsThere({ config }: LoadedConfig): void {
  const { path, url } = config.database;
  if (path !== undefined && existsSync(path)) return;
  throw new AppError(
    'config.invalid',
    `There is no database at ${path ?? url}, so nothing was revoked. Run this where the gateway runs, or with its DATABASE_URL.`,
  );
}

function withConfigFile(command: Command): Command {
  return command.option('--config-file <path>', 'YAML file with settings (MCPGATEWAY_CONFIG_FILE)');
}

function minutes(text: string): number {
  if (!/^\d{1,8}$/.test(text)) throw new InvalidArgumentError('It is a whole number of minutes, 0 for no expiry.');
  return Number(text);
}

/** Without a database file there is nothing to keep a generated key beside. */
function isKeyOfThisRun({ config, origins }: LoadedConfig): boolean {
  return config.jwt.algorithm.startsWith('HS') && origins['JWT_SECRET_KEY']?.source === 'generated' && config.database.path === undefined;
}

/** A token is shown to a person only: what is piped ends in logs. */
async function tokenForTerminal(loaded: LoadedConfig, commands: CliCommands, io: CliSurroundings): Promise<string | undefined> {
  const { auth } = loaded.config;
  return io.isTerminal && auth.required && canSign(loaded) ? await commands.issueToken(loaded, { username: auth.adminEmail }) : undefined;
}

function canSign({ config: { jwt } }: LoadedConfig): boolean {
  return jwt.algorithm.startsWith('HS') || jwt.privateKeyPem !== undefined;
}

function noticeOf(loaded: LoadedConfig, port: number, token: string | undefined, mcp: NamedMcpConfig | undefined, io: CliSurroundings): string {
  const { config } = loaded;
  const seconds = config.upstream.registrationTimeoutSeconds;
  return startNotice({
    version: packageVersion(),
    config,
    port,
    token,
    signedBy: !canSign(loaded) ? 'private_key' : isKeyOfThisRun(loaded) ? 'this_process' : 'command',
    hasGeneratedSecrets: Object.values(loaded.origins).some((origin) => origin.source === 'generated'),
    program: io.program,
    starting: mcp === undefined ? undefined : `starting ${mcp.config.servers.length} of ${mcp.file}; each has ${seconds} s`,
    warnings: loaded.warnings,
    notices: loaded.notices,
    hasColour: wantsColour(io),
  });
}

/** Resolves with what prints it. The gateway runs on, whatever becomes of the servers. */
async function serversNotice(
  { file, config }: NamedMcpConfig,
  loaded: LoadedConfig,
  { upstreams, port }: RunningGateway,
  token: string | undefined,
  io: CliSurroundings,
): Promise<() => void> {
  try {
    const text = await bringUp({
      file,
      config,
      loaded,
      upstreams,
      baseUrl: baseUrlOf(loaded.config, port),
      token: loaded.config.auth.required ? (token ?? '') : undefined,
      commandWords: io.commandWords,
      paint: painter(wantsColour(io)),
    });
    return () => io.out(text);
  } catch (thrown) {
    const error = toAppError(thrown);
    return () => io.err(`The servers of ${file} could not be registered: ${error.internal ?? error.message}\n`);
  }
}

/** The real surroundings of this process. */
export function processSurroundings(): CliSurroundings {
  return {
    env: processEnvironment(),
    cwd: process.cwd(),
    isTerminal: process.stdout.isTTY,
    program: programWords(process.argv[1] ?? '', process.cwd()),
    commandWords: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
    ask: process.stdin.isTTY && process.stdout.isTTY ? askOnTerminal : undefined,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
  };
}

/** How the user can call this program again: only an installed one is found on the PATH. */
export function programWords(script: string, cwd: string): string {
  const name = basename(script);
  if (name === 'main.ts') return `node --conditions=source ${relative(cwd, script)}`;
  if (name === 'start.mjs' || name === 'main.js') return 'node bin/mcpgateway.cjs';
  return name.endsWith('.cjs') ? `node ${relative(cwd, script)}` : 'mcpgateway';
}
