import { expect, it } from 'vitest';
import { clientSnippets, snippetText } from './client-snippets.ts';
import { painter } from './paint.ts';

const facts = {
  baseUrl: 'http://127.0.0.1:4444',
  door: 'mcp' as const,
  token: 'a.b.c',
  stdio: { command: '/usr/bin/node', args: ['/opt/mcpgateway.cjs', 'stdio'], env: { DATABASE_URL: 'sqlite:////srv/mcp.db' } },
};

it('each client gets what it takes, ready to paste', () => {
  const snippets = clientSnippets(facts);
  const json = (client: string): unknown => JSON.parse(snippets.find((one) => one.client === client)?.text ?? '');
  const remote = { url: 'http://127.0.0.1:4444/mcp', headers: { Authorization: 'Bearer a.b.c' } };
  expect(json('Cursor')).toEqual({ mcpServers: { gateway: remote } });
  expect(json('VS Code')).toEqual({ servers: { gateway: { type: 'http', ...remote } } });
  expect(json('Claude Desktop')).toEqual({ mcpServers: { gateway: facts.stdio } });
  expect(snippets[0]?.text).toBe('claude mcp add --transport http gateway http://127.0.0.1:4444/mcp --header "Authorization: Bearer a.b.c"');
});

it('without authentication no token is mentioned, and without a database file nobody starts a second process', () => {
  const text = snippetText(clientSnippets({ ...facts, token: undefined, stdio: undefined }), painter(false));
  expect(text).not.toContain('Authorization');
  expect(text).not.toContain('Claude Desktop');
  expect(text).toContain('Any other client (streamable HTTP)\n  http://127.0.0.1:4444/mcp\n');
});

it('nobody is sent to a door that TRANSPORT_TYPE has closed', () => {
  const overSse = snippetText(clientSnippets({ ...facts, door: 'sse' }), painter(false));
  expect(overSse).toContain('claude mcp add --transport sse gateway http://127.0.0.1:4444/sse --header');
  expect(overSse).toContain('"type": "sse"');
  expect(overSse).not.toContain('/mcp"');
  expect(clientSnippets({ ...facts, door: undefined }).map(({ client }) => client)).toEqual(['Claude Desktop']);
});
