// Checklist points 28, 41 and 45 for clients of earlier revisions: each revision is offered whatever the upstream speaks, the same
// calls can be made, and nothing that is newer than the client makes it refuse an answer.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import calls from '../../sessions/everything-calls.json' with { type: 'json' };
import { startEverythingServer, type EverythingServer } from '../../sessions/everything-server.ts';
import { mirrorOf, type Door } from './doors.ts';
import { OLD_VERSIONS, UnreadableAnswer, withOldClient, type OldClient } from './old-clients.ts';
import { event, json, startScriptedUpstream, stream, type Arrived, type ScriptedUpstream } from './scripted-upstream.ts';

const NEWEST = '2025-11-25';

let gateway: StartedGateway;
let everything: EverythingServer;
let scripted: ScriptedUpstream;
let everythingDoor: Door;
let scriptedDoor: Door;

beforeAll(async () => {
  gateway = await startGateway();
  everything = await startEverythingServer();
  scripted = await startScriptedUpstream({ eras: 'legacy' });
  everythingDoor = await mirrorOf(gateway, everything.url);
  scriptedDoor = await mirrorOf(gateway, scripted.url);
});
afterAll(async () => {
  await gateway?.stop();
  await everything?.stop();
  await scripted?.close();
});

/** What the client's own parser refuses of all that server-everything has to say. */
async function unreadable(client: OldClient): Promise<string[]> {
  const refused: string[] = [];
  const attempt = async (what: string, call: Promise<unknown>): Promise<void> => {
    // Refusals of the server are answers too.
    await call.catch((error: unknown) => (error instanceof UnreadableAnswer ? refused.push(what) : undefined));
  };
  const listed = new Set((await client.listTools()).map(({ name }) => name));
  for (const [name, args] of calls.tools as [string, object][]) if (listed.has(name)) await attempt(name, client.callTool(name, args));
  for (const [name, args] of calls.prompts as [string, object][]) await attempt(name, client.getPrompt(name, args));
  for (const uri of calls.dynamicResources) await attempt(uri, client.readResource(uri));
  return refused;
}

/** Speaks the newest legacy revision and no other, and says the newest things in it. */
function newestOnly({ message, res, headers }: Arrived): boolean {
  const id = JSON.stringify(message.id);
  const result = (text: string): true => {
    json(res, `{"jsonrpc":"2.0","id":${id},"result":${text}}`, 200, message.method === 'initialize' ? { 'mcp-session-id': 's' } : {});
    return true;
  };
  if (message.method !== undefined && message.method !== 'initialize' && headers['mcp-protocol-version'] !== NEWEST) {
    json(res, `{"jsonrpc":"2.0","id":${id ?? null},"error":{"code":-32000,"message":"Unsupported protocol version"}}`, 400);
    return true;
  }
  switch (message.method) {
    case 'initialize':
      return result(`{"protocolVersion":"${NEWEST}","capabilities":{"tools":{},"prompts":{}},"serverInfo":{"name":"newest","version":"1"}}`);
    case 'tools/list':
      return result(
        '{"tools":[{"name":"newest","inputSchema":{"type":"object"},"outputSchema":{"type":"array","items":{"$ref":"#/$defs/n"},"$defs":{"n":{"type":"number"}}}}]}',
      );
    case 'tools/call':
      stream(res);
      // The priming event: empty data, which a client of old would take for a message.
      res.write(event('', 'e0'));
      res.end(
        event(
          `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"audio","data":"UklGRg==","mimeType":"audio/wav"},{"type":"resource_link","uri":"file:///a","name":"a"}],"structuredContent":[1.5]}}`,
          'e1',
        ),
      );
      return true;
    case 'prompts/get':
      return result('{"messages":[{"role":"user","content":{"type":"resource_link","uri":"file:///a","name":"a"}}]}');
    default:
      return false;
  }
}

describe.each(OLD_VERSIONS)('a client of %s', (version) => {
  test('points 41, 45: it reads every result of server-everything, which directly it does not when there are links', async () => {
    let types: string[] = [];
    let texts: (string | undefined)[] = [];
    await withOldClient(version, everythingDoor, async (client) => {
      expect(await unreadable(client)).toEqual([]);
      const { content } = await client.callTool('get-resource-links', { count: 3 });
      types = content.map(({ type }) => type);
      texts = content.map(({ text }) => text);
    });
    await withOldClient(version, { url: everything.url, headers: {} }, async (client) => {
      const refused = await unreadable(client);
      if (version < '2025-06-18') expect(refused).toContain('get-resource-links');
    });
    const linked = version < '2025-06-18' ? 'text' : 'resource_link';
    expect(types).toEqual(['text', linked, linked, linked]);
    if (linked === 'text') expect(texts[1]).toMatch(/demo:\/\/resource\//);
  });

  test('points 28, 41: it agrees upon its own revision with an upstream that speaks only the newest, and each side is told its own', async () => {
    scripted.play(newestOnly);
    const nothing = async (): Promise<void> => undefined;
    await expect(withOldClient(version, { url: scripted.url, headers: {} }, nothing)).rejects.toThrow(/protocol version/);
    scripted.seen.length = 0;
    await withOldClient(version, scriptedDoor, async (client) => {
      expect((await client.listTools()).map(({ name }) => name)).toEqual(['newest']);
    });
    const listed = scripted.seen.filter(({ message }) => message.method === 'tools/list');
    expect(listed.map(({ headers }) => headers['mcp-protocol-version'])).toEqual([NEWEST]);
    const opened = scripted.seen.filter(({ message }) => message.method === 'initialize');
    expect(opened.map(({ message }) => message.params?.['protocolVersion'])).toEqual([version]);
  });

  test('point 45: audio, links and output that is no object arrive in its own words', async () => {
    scripted.play(newestOnly);
    await withOldClient(version, scriptedDoor, async (client) => {
      const [tool] = await client.listTools();
      expect(tool?.outputSchema).toMatchObject({
        type: 'object',
        properties: { result: { type: 'array', items: { $ref: '#/properties/result/$defs/n' } } },
      });
      const { content, structuredContent } = await client.callTool('newest', {});
      const [audio, link, ...more] = content;
      expect(audio?.type).toBe(version < '2025-03-26' ? 'resource' : 'audio');
      expect(link?.type).toBe(version < '2025-06-18' ? 'text' : 'resource_link');
      expect(more).toEqual(version < '2025-06-18' ? [{ type: 'text', text: '[1.5]' }] : []);
      expect(structuredContent).toEqual({ result: [1.5] });
      expect(await client.getPrompt('p', {})).toMatchObject({ messages: [{ content: { type: link?.type } }] });
    });
  });

  test('points 34, 45: it is asked what it can be asked, and the rest is answered in its place', async () => {
    await withOldClient(version, everythingDoor, async (client) => {
      const listed = (await client.listTools()).map(({ name }) => name);
      expect(JSON.stringify(await client.callTool('trigger-sampling-request', { prompt: 'hello', maxTokens: 7 }))).toContain('sampled');
      expect((await client.asked()).map(({ method }) => method)).toEqual(['sampling/createMessage']);
      // Its form has multiple choices.
      expect(listed.includes('trigger-elicitation-request')).toBe(version === '2025-06-18');
      if (version === '2025-06-18') expect(JSON.stringify(await client.callTool('trigger-elicitation-request', {}))).toMatch(/declined/);
      expect(await client.asked()).toHaveLength(1);
    });
  });
});

test('points 38, 41, 45: all of this holds for a client of 2024-11-05 over HTTP+SSE', async () => {
  scripted.play(newestOnly);
  const sseDoor = (door: Door): Door => ({ ...door, url: door.url.replace(/mcp$/, 'sse') });
  await withOldClient('2024-11-05', sseDoor(everythingDoor), async (client) => {
    expect(await unreadable(client)).toEqual([]);
    expect((await client.callTool('get-resource-links', { count: 1 })).content.map(({ type }) => type)).toEqual(['text', 'text']);
    expect((await client.asked()).map(({ method }) => method)).toEqual(['sampling/createMessage', 'sampling/createMessage']);
  });
  await withOldClient('2024-11-05', sseDoor(scriptedDoor), async (client) => {
    expect((await client.listTools()).map(({ name }) => name)).toEqual(['newest']);
    expect((await client.callTool('newest', {})).content.map(({ type }) => type)).toEqual(['resource', 'text', 'text']);
  });
  const listed = scripted.seen.filter(({ message }) => message.method === 'tools/list');
  expect(listed.map(({ headers }) => headers['mcp-protocol-version'])).toEqual([NEWEST]);
});
