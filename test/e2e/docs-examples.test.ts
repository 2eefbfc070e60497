// Every command of the documents that is marked `run` is executed as it stands, against a real gateway with a real MCP server
// behind it, and has to print what the document says. Only ports are replaced.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDocuments, ROOT, type Block, type Document } from '../docs-examples/documents.ts';
import { startGateway } from '../kit/gateway.ts';
import { startEverythingServer, type EverythingServer } from '../sessions/everything-server.ts';

/** What the pages that begin with a mirror say they need. */
const MIRROR = `
export MCPGATEWAY_BEARER_TOKEN=$(node bin/mcpgateway.cjs token --username admin@example.com --exp 10080)
post() { curl -s -H "Authorization: Bearer $MCPGATEWAY_BEARER_TOKEN" -H "Content-Type: application/json" -d "$2" http://127.0.0.1:4444$1 | node -pe 'JSON.parse(fs.readFileSync(0)).id'; }
GATEWAY_ID=$(post /gateways '{"name":"everything","url":"http://127.0.0.1:3001/mcp"}')
export SERVER_ID=$(post /servers '{"server":{"name":"everything","mirrorGatewayId":"'$GATEWAY_ID'"}}')
mcp() {
  curl -s -H "Authorization: Bearer $MCPGATEWAY_BEARER_TOKEN" -H "Content-Type: application/json" -H "Accept: application/json, text/event-stream" \
    "$@" http://127.0.0.1:4444/servers/$SERVER_ID/mcp
}
INITIALIZE='{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"curl","version":"1"}}}'
SESSION_ID=$(mcp -D - -o /dev/null -d "$INITIALIZE" | sed -n 's/^mcp-session-id: //p' | tr -d '\\r')
mcp -H "Mcp-Session-Id: $SESSION_ID" -d '{"jsonrpc":"2.0","method":"notifications/initialized"}'
`;

let everything: EverythingServer;
let everythingOverSse: EverythingServer;

beforeAll(async () => {
  // The documents call the built program.
  const built = spawnSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(built.stdout).toBe('');
  everything = await startEverythingServer();
  everythingOverSse = await startEverythingServer('sse');
});

afterAll(async () => {
  await Promise.all([everything.stop(), everythingOverSse.stop()]);
});

const runnable = readDocuments().filter(({ blocks }) => blocks.some(isRun));

describe.each(runnable.map((document) => [document.path, document] as const))('%s', (_path, document) => {
  it('does what it says, from the first command to the last', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mcpgateway-docs-'));
    for (const name of ['bin', 'node_modules']) symlinkSync(join(ROOT, name), join(folder, name));
    const settings = Object.fromEntries(document.testedWith.filter((word) => word.includes('=')).map((word) => word.split('=') as [string, string]));
    const gateway = await startGateway({
      folder,
      env: { DATABASE_URL: 'sqlite:///./mcp.db', JWT_SECRET_KEY: '', AUTH_ENCRYPTION_SECRET: '', ...settings },
    });
    try {
      const upstreamPort = new URL(everything.url).port;
      const sseUpstreamPort = new URL(everythingOverSse.url).port;
      const script = scriptOf(document)
        .replaceAll('127.0.0.1:4444', `127.0.0.1:${gateway.port}`)
        .replaceAll('127.0.0.1:3001', `127.0.0.1:${upstreamPort}`)
        .replaceAll('127.0.0.1:3002', `127.0.0.1:${sseUpstreamPort}`);
      const { code, out, err } = await bash(script, folder);
      expect(code, `${out}\n${err}`).toBe(0);
      const printed = out.split(/^@@block \d+\n/m).slice(1);
      for (const [index, expected] of expectations(document).entries()) {
        for (const line of expected)
          expect(printed[index] ?? '').toMatch(
            asPattern(line.replaceAll('127.0.0.1:4444', `127.0.0.1:${gateway.port}`).replaceAll('127.0.0.1:3002', `127.0.0.1:${sseUpstreamPort}`)),
          );
      }
    } finally {
      await gateway.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

function isRun({ language, marker }: Block): boolean {
  return (language === 'sh' || language === 'ts') && marker === 'run';
}

/** A program is run in the folder of the example, where it finds the packages of this repository. */
function commandsOf({ language, code }: Block): string {
  return language === 'sh' ? code : `cat > example.mts <<'END OF EXAMPLE'\n${code}\nEND OF EXAMPLE\n'${process.execPath}' example.mts`;
}

function scriptOf({ blocks, testedWith }: Document): string {
  const prelude = testedWith.includes('mirror') ? MIRROR : '';
  return `set -eu -o pipefail\n${prelude}\n${blocks
    .filter(isRun)
    .map((block) => `printf '\\n@@block %s\\n' ${block.line}\n${commandsOf(block)}`)
    .join('\n')}\n`;
}

/** For each block that is run, the lines its `text output` block promises. */
function expectations({ blocks }: Document): string[][] {
  return blocks.flatMap((block, index) => {
    if (!isRun(block)) return [];
    const next = blocks[index + 1];
    return [next?.language === 'text' && next.marker === 'output' ? next.code.split('\n').filter((line) => line.trim() !== '') : []];
  });
}

/** `…` stands for anything on one line. */
function asPattern(line: string): RegExp {
  return new RegExp(
    line
      .trim()
      .split('…')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
      .join('.*'),
  );
}

async function bash(script: string, cwd: string): Promise<{ code: number | null; out: string; err: string }> {
  const { JWT_SECRET_KEY: _key, DATABASE_URL: _url, ...env } = process.env;
  const child = spawn('bash', ['-c', script], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
}
