// The first minute: the servers of an mcp.json are started while the gateway already listens, then a table says what became of each,
// and what to paste into which client.
import type { LoadedConfig } from '#base/config';
import { clientSnippets, snippetText, type SnippetFacts } from './client-snippets.ts';
import { applyMcpConfig, type Upstreams } from './mcp-config-apply.ts';
import { serverTable } from './mcp-config-table.ts';
import { commandsOf, type McpConfig } from './mcp-config.ts';
import type { Paint } from './paint.ts';

export interface BringUp {
  /** As the user named it. */
  readonly file: string;
  readonly config: McpConfig;
  readonly loaded: LoadedConfig;
  readonly upstreams: Upstreams;
  readonly baseUrl: string;
  /** Shown on a terminal only; '' when there is one to be had, undefined when none is needed. */
  readonly token: string | undefined;
  /** Absolute words that start this program. */
  readonly commandWords: readonly string[];
  readonly paint: Paint;
}

const TOKEN_TO_FILL_IN = 'YOUR_TOKEN';

/** Resolves when every server is up or has had its time. Throws what the database throws. */
export async function bringUp(facts: BringUp): Promise<string> {
  const { file, config, loaded, upstreams, baseUrl, token, paint } = facts;
  const { auth, http } = loaded.config;
  const outcomes = await applyMcpConfig(config, upstreams, { email: auth.adminEmail, key: auth.encryptionSecret });
  const snippets = clientSnippets({
    baseUrl,
    door: openDoor(http.transportType),
    token: token === '' ? TOKEN_TO_FILL_IN : token,
    stdio: stdioOf(facts),
  });
  return [
    '',
    serverTable(`MCP servers of ${file}`, outcomes, paint),
    ...(config.notes.length === 0 ? [] : [...config.notes.map((note) => `  ${paint('dim', 'Note')}  ${note}`), '']),
    `${paint('bold', 'Connect a client')}${token === '' ? ` with the token of the line "Log in" in place of ${TOKEN_TO_FILL_IN}` : ''}`,
    '',
    snippetText(snippets, paint),
  ].join('\n');
}

/** The file's programs may be started: who can write the file can run programs here anyway. */
export function allowCommandsOf(config: McpConfig, loaded: LoadedConfig): LoadedConfig {
  const { stdio } = loaded.config;
  const commands = [...new Set([...stdio.commands, ...commandsOf(config)])];
  return { ...loaded, config: { ...loaded.config, stdio: { ...stdio, commands } } };
}

/** A process of its own on the same database; it must be told what this one was told. */
function stdioOf({ config, loaded, commandWords }: BringUp): SnippetFacts['stdio'] {
  const { database, stdio } = loaded.config;
  const [command, ...args] = commandWords;
  if (database.path === undefined || command === undefined) return undefined;
  const isExtended = commandsOf(config).length > 0 || loaded.origins['MCPGATEWAY_STDIO_COMMANDS']?.source !== 'default';
  return {
    command,
    args: [...args, 'stdio'],
    env: {
      DATABASE_URL: `sqlite:///${database.path}`,
      ...(isExtended ? { MCPGATEWAY_STDIO_COMMANDS: stdio.commands.join(',') } : {}),
      ...Object.fromEntries(
        ['JWT_SECRET_KEY', 'AUTH_ENCRYPTION_SECRET']
          .filter((name) => loaded.origins[name]?.source !== 'generated')
          .map((name) => [name, `YOUR_${name}`]),
      ),
    },
  };
}

function openDoor(transportType: string): SnippetFacts['door'] {
  return transportType === 'sse' ? 'sse' : ['all', 'http', 'streamablehttp'].includes(transportType) ? 'mcp' : undefined;
}
