// The one block a person sees when the gateway starts: what is served where, how to log in, and what to do next.
import { basename } from 'node:path';
import { secretsFileOf, type Config } from '#base/config';
import { painter } from './paint.ts';

export interface StartFacts {
  readonly version: string;
  readonly config: Pick<Config, 'app' | 'http' | 'database' | 'auth' | 'ssrf'>;
  readonly port: number;
  /** An administrator's token, given only when a person reads this on a terminal. */
  readonly token: string | undefined;
  /** Where tokens are signed: by the command line here, by whoever has the private key, or nowhere but in this process. */
  readonly signedBy: 'command' | 'private_key' | 'this_process';
  readonly hasGeneratedSecrets: boolean;
  /** How to call the command line from here. */
  readonly program: string;
  /** What is being started from a file with MCP servers, in words; undefined without one. */
  readonly starting: string | undefined;
  readonly warnings: readonly string[];
  readonly notices: readonly string[];
  readonly hasColour: boolean;
}

const LABEL_WIDTH = 9;
/** The name that the documents and the contract's examples use. */
const TOKEN_VARIABLE = 'MCPGATEWAY_BEARER_TOKEN';

export function startNotice(facts: StartFacts): string {
  const { config } = facts;
  const paint = painter(facts.hasColour);
  const base = baseUrlOf(config, facts.port);
  const line = (label: string, text: string, style: 'dim' | 'yellow' = 'dim'): string => `  ${paint(style, label.padEnd(LABEL_WIDTH))}${text}`;
  return [
    `${paint('bold', `${config.app.name} ${facts.version}`)} is running at ${paint('bold', base)}`,
    line('MCP', doorLine(base, config)),
    line('REST', `${base}/openapi.json describes /gateways, /servers, /tools, /audit-trails`),
    line('Data', dataLine(facts)),
    line('Log in', logInLine(facts)),
    ...(facts.starting === undefined
      ? [
          line('Next', 'register an MCP server like this, then make a mirror of it with POST /servers (see README.md):'),
          line('', registration(base, config)),
        ]
      : [line('Servers', facts.starting)]),
    ...facts.warnings.map((warning) => line('Warning', warning, 'yellow')),
    ...facts.notices.map((notice) => line('Note', notice)),
    '',
  ].join('\n');
}

/** Where the gateway can be called. */
export function baseUrlOf({ http }: Pick<Config, 'http'>, port: number): string {
  return `http://${urlHost(http.host)}:${port}${http.rootPath}`;
}

/** Where clients find a server, of the doors that TRANSPORT_TYPE leaves open. */
function doorLine(base: string, { http: { transportType } }: StartFacts['config']): string {
  if (transportType === 'sse') return `${base}/sse; one server alone at ${base}/servers/{id}/sse`;
  if (transportType === 'stdio' || transportType === 'ws') return `no door here: TRANSPORT_TYPE is ${transportType}`;
  return `${base}/mcp; one server alone at ${base}/servers/{id}/mcp`;
}

/** An address that means "all" cannot be called; localhost can. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

function dataLine({ config, hasGeneratedSecrets }: StartFacts): string {
  const path = config.database.path;
  if (path === undefined) return 'in memory; everything is gone when the gateway stops';
  return hasGeneratedSecrets ? `${path}; generated secrets beside it in ${basename(secretsFileOf(path))}` : path;
}

function logInLine({ config, token, signedBy, program }: StartFacts): string {
  if (!config.auth.required) return 'not needed: AUTH_REQUIRED is false';
  if (signedBy === 'private_key') return `export ${TOKEN_VARIABLE}=<a token signed with the private key, which is not kept here>`;
  if (token !== undefined) return `export ${TOKEN_VARIABLE}=${token}`;
  if (signedBy === 'this_process') return 'set JWT_SECRET_KEY and start again: the key generated for this run is known to nobody else';
  return `export ${TOKEN_VARIABLE}=$(${program} token --username ${quoted(config.auth.adminEmail)})`;
}

/** The address in the example is one that this gateway may connect to. */
function registration(base: string, { auth, ssrf }: StartFacts['config']): string {
  const authorization = auth.required ? ` -H "Authorization: Bearer $${TOKEN_VARIABLE}"` : '';
  const url = ssrf.allowLocalhost || !ssrf.enabled ? 'http://127.0.0.1:8000/mcp' : 'https://mcp.example.com/mcp';
  return `curl ${base}/gateways${authorization} -H "Content-Type: application/json" -d '{"name":"my-server","url":"${url}"}'`;
}

function quoted(word: string): string {
  return /^[\w@.+:/-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
