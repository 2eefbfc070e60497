// What to paste into each client so that it uses this gateway: its address for everything, with a token.

export interface SnippetFacts {
  /** Of the gateway, without a path of its own. */
  readonly baseUrl: string;
  /** The one that is open: streamable HTTP, HTTP+SSE, or neither. */
  readonly door: 'mcp' | 'sse' | undefined;
  /** Undefined when the gateway asks for none. */
  readonly token: string | undefined;
  /** How a client that only starts programs starts this one; undefined where a second process has nothing to share. */
  readonly stdio: { readonly command: string; readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> } | undefined;
}

export interface Snippet {
  readonly client: string;
  /** The file it belongs into, or what to do with it. */
  readonly where: string;
  readonly text: string;
}

/** The name the gateway gets in its clients. */
const NAME = 'gateway';

export function clientSnippets({ baseUrl, door, token, stdio }: SnippetFacts): Snippet[] {
  const asProgram =
    stdio === undefined ? [] : [{ client: 'Claude Desktop', where: 'claude_desktop_config.json', text: json({ mcpServers: { [NAME]: stdio } }) }];
  if (door === undefined) return asProgram;
  const url = `${baseUrl}/${door}`;
  const type = door === 'mcp' ? 'http' : 'sse';
  const authorization = token === undefined ? undefined : `Bearer ${token}`;
  const headers = authorization === undefined ? {} : { headers: { Authorization: authorization } };
  const flag = authorization === undefined ? '' : ` --header "Authorization: ${authorization}"`;
  return [
    { client: 'Claude Code', where: 'run', text: `claude mcp add --transport ${type} ${NAME} ${url}${flag}` },
    { client: 'Cursor', where: '~/.cursor/mcp.json', text: json({ mcpServers: { [NAME]: { url, ...headers } } }) },
    { client: 'VS Code', where: '.vscode/mcp.json', text: json({ servers: { [NAME]: { type, url, ...headers } } }) },
    ...asProgram,
    {
      client: 'Any other client',
      where: door === 'mcp' ? 'streamable HTTP' : 'HTTP+SSE',
      text: authorization === undefined ? url : `${url}\nAuthorization: ${authorization}`,
    },
  ];
}

/** @param paint for the names of clients */
export function snippetText(snippets: readonly Snippet[], paint: (style: 'bold' | 'dim', text: string) => string): string {
  return snippets
    .map(({ client, where, text }) => {
      const lines = text.split('\n').map((line) => `  ${line}`);
      return `${paint('bold', client)} ${paint('dim', `(${where})`)}\n${lines.join('\n')}\n`;
    })
    .join('\n');
}

/** Lists and objects of one entry stand on one line, as people write them. */
function json(value: object): string {
  return JSON.stringify(value, null, 2)
    .replace(/\[\n([^[\]{}]*)\n\s*\]/g, (_, inner: string) => `[${inner.trim().replace(/\n\s*/g, ' ')}]`)
    .replace(/\{\n\s*("[^"]*": "(?:[^"\\]|\\.)*")\n\s*\}/g, '{ $1 }');
}
