import { expect, it } from 'vitest';
import { loadConfig } from '#base/config';
import { startNotice, type StartFacts } from './start-notice.ts';

function notice(env: Record<string, string>, more: Partial<StartFacts> = {}): string {
  const { config } = loadConfig({ env: { DATABASE_URL: 'sqlite:////srv/mcp.db', ...env }, cwd: '/', keepsSecrets: false });
  return startNotice({
    version: '1.2.3',
    config,
    port: 4444,
    token: undefined,
    signedBy: 'command',
    hasGeneratedSecrets: true,
    program: 'mcpgateway',
    starting: undefined,
    warnings: [],
    notices: [],
    hasColour: false,
    ...more,
  });
}

it('one short block says what is served where, how to log in and what to do next', () => {
  expect(notice({})).toBe(`MCP Gateway 1.2.3 is running at http://127.0.0.1:4444
  MCP      http://127.0.0.1:4444/mcp; one server alone at http://127.0.0.1:4444/servers/{id}/mcp
  REST     http://127.0.0.1:4444/openapi.json describes /gateways, /servers, /tools, /audit-trails
  Data     /srv/mcp.db; generated secrets beside it in mcp.db.secrets.json
  Log in   export MCPGATEWAY_BEARER_TOKEN=$(mcpgateway token --username admin@example.com)
  Next     register an MCP server like this, then make a mirror of it with POST /servers (see README.md):
           curl http://127.0.0.1:4444/gateways -H "Authorization: Bearer $MCPGATEWAY_BEARER_TOKEN" -H "Content-Type: application/json" -d '{"name":"my-server","url":"http://127.0.0.1:8000/mcp"}'
`);
});

it.each([
  ['streamablehttp', 'http://127.0.0.1:4444/mcp; one server alone at http://127.0.0.1:4444/servers/{id}/mcp'],
  ['sse', 'http://127.0.0.1:4444/sse; one server alone at http://127.0.0.1:4444/servers/{id}/sse'],
  ['stdio', 'no door here: TRANSPORT_TYPE is stdio'],
])('with TRANSPORT_TYPE %s clients are sent to no door that is closed', (transport, told) => {
  expect(notice({ TRANSPORT_TYPE: transport })).toContain(`  MCP      ${told}\n`);
});

it('warnings and settings without effect are named', () => {
  expect(notice({}, { warnings: ['Danger.'], notices: ['RELOAD: not applicable'] })).toMatch(
    / {2}Warning {2}Danger\.\n {2}Note {5}RELOAD: not applicable\n$/,
  );
});

it('a warning stands out: it is not dimmed as the other labels are', () => {
  expect(notice({}, { warnings: ['Danger.'], hasColour: true })).toContain('\n  \u001b[33mWarning  \u001b[39mDanger.');
});

it('addresses can be called: all interfaces become localhost, IPv6 gets its brackets, the root path stays', () => {
  expect(notice({ HOST: '0.0.0.0', APP_ROOT_PATH: '/mcp' })).toContain('running at http://localhost:4444/mcp\n');
  expect(notice({ HOST: '::1' })).toContain('running at http://[::1]:4444\n');
});

it('without authentication nobody is told to log in', () => {
  const text = notice({ AUTH_REQUIRED: 'false' });
  expect(text).toContain('not needed: AUTH_REQUIRED is false');
  expect(text).not.toContain('Authorization');
});

it('the example names an address that this gateway may connect to', () => {
  expect(notice({ HOST: '0.0.0.0' })).toContain('"url":"https://mcp.example.com/mcp"');
  expect(notice({ HOST: '0.0.0.0', SSRF_ALLOW_LOCALHOST: 'true' })).toContain('"url":"http://127.0.0.1:8000/mcp"');
});

it('a gateway without a signing key does not tell to sign with it', () => {
  const text = notice({}, { signedBy: 'private_key' });
  expect(text).toContain('a token signed with the private key');
  expect(text).not.toContain('mcpgateway token');
});

it('a key that only this process knows is no key to sign with; a token made for the terminal is good all the same', () => {
  expect(notice({}, { signedBy: 'this_process' })).toContain('Log in   set JWT_SECRET_KEY and start again');
  expect(notice({}, { signedBy: 'this_process', token: 'a.b.c' })).toContain('Log in   export MCPGATEWAY_BEARER_TOKEN=a.b.c');
});

it('a name with shell characters stays a name', () => {
  expect(notice({ PLATFORM_ADMIN_EMAIL: "o'neil; rm" })).toContain(String.raw`--username 'o'\''neil; rm')`);
});

it('with a file of servers it says that they are being started, instead of how to register one', () => {
  const text = notice({}, { starting: 'starting 3 of mcp.json' });
  expect(text).toContain('  Servers  starting 3 of mcp.json\n');
  expect(text).not.toContain('curl');
});
