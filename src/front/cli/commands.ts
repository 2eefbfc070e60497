// What the command line asks of the rest of the house. main.ts hands these in, so that this room knows no server and no database.
import type { LoadedConfig } from '#base/config';
import type { TokenSpec } from '#control-plane/tokens';
import type { ExaminedGateway } from './doctor.ts';
import type { Upstreams } from './mcp-config-apply.ts';
import type { Ask } from './mcp-config-inputs.ts';

export interface RunningGateway {
  /** The port really listened on; PORT may have been 0. */
  readonly port: number;
  /** Resolves when the gateway begins to stop. */
  readonly stopping: Promise<void>;
  /** Settles when the gateway has stopped; rejects when it had to. */
  readonly stopped: Promise<void>;
  readonly upstreams: Upstreams;
}

export interface StdioWords {
  /** Undefined: all that the caller may see. */
  readonly server: string | undefined;
  /** A token, bare or with its scheme before it; undefined: the administrator's, made by this process. */
  readonly auth: string | undefined;
}

export interface CliCommands {
  /** Resolves when the gateway listens. */
  serve(loaded: LoadedConfig): Promise<RunningGateway>;
  /** Serves one client on stdin and stdout; resolves when it has gone. */
  stdio(loaded: LoadedConfig, words: StdioWords): Promise<void>;
  /** Reads every registered gateway once. */
  examine(loaded: LoadedConfig): Promise<readonly ExaminedGateway[]>;
  /** Brings the database up to date; what was done, in one line. */
  migrate(loaded: LoadedConfig): Promise<string>;
  issueToken(loaded: LoadedConfig, spec: TokenSpec): Promise<string>;
  /** @param expiresAt when the token would expire by itself, if known */
  revokeToken(loaded: LoadedConfig, jti: string, expiresAt: Date | undefined): Promise<void>;
}

/** Where the command line reads and writes; tests hand in their own. */
export interface CliSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly isTerminal: boolean;
  /** Program and first words with which the user can run another command, e.g. `mcpgateway`. */
  readonly program: string;
  /** The same in absolute paths, for programs that start it from anywhere. */
  readonly commandWords: readonly string[];
  /** Undefined when nobody can be asked. */
  readonly ask: Ask | undefined;
  out(text: string): void;
  err(text: string): void;
}
