// Opening and lists: who the server is, what it can do, what it has, with every field it says it with.
import { anyText, containing, expectIn, including } from '../difference.ts';
import type { Json } from '../player.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

const topic = 'opening and lists';

/** The item of a list under the name that this server gives it. */
async function listed(stage: Stage, method: string, member: string, key: string, name: string): Promise<unknown> {
  const { result, error } = await stage.request(method);
  const items = result?.[member];
  if (!Array.isArray(items)) throw new Error(`${method}: ${JSON.stringify(error ?? result)}`);
  const found = (items as Json[]).find((item) => item[key] === name);
  if (found === undefined) throw new Error(`${method} has no ${name}`);
  return found;
}

const tool = (stage: Stage, name: string) => listed(stage, 'tools/list', 'tools', 'name', stage.server.tool(name));

export const openingScenarios: readonly Scenario[] = [
  {
    id: 'opens',
    topic,
    says: 'the client gets its own revision, and capabilities for tools, resources, prompts and completions',
    async play(stage) {
      const { opened, revision } = await stage.player();
      const can = {
        capabilities: {
          tools: { listChanged: true },
          prompts: { listChanged: true },
          resources: { listChanged: true, subscribe: true },
          completions: {},
        },
      };
      expectIn(opened, revision === '2026-07-28' ? { ...can, supportedVersions: including(revision) } : { ...can, protocolVersion: revision });
    },
  },
  {
    id: 'introduces-the-server',
    topic,
    says: "a mirror has its upstream's name, unknown fields, experimental capabilities and instructions",
    needs: { kind: 'mirror' },
    async play(stage) {
      const { opened, revision } = await stage.player();
      const info = revision === '2026-07-28' ? (opened['_meta'] as Json)['io.modelcontextprotocol/serverInfo'] : opened['serverInfo'];
      expectIn(info, { name: 'mcp-fixture', title: 'MCP fixture', 'x-vendor': { build: 7 } }, 'serverInfo');
      expectIn(opened, { instructions: containing('official conformance suite') });
    },
  },
  {
    id: 'lists-tools',
    topic,
    says: 'tools are listed with schema, title, annotations, icons and fields nobody knows',
    async play(stage) {
      expectIn(await tool(stage, 'test_simple_text'), {
        title: 'Simple text',
        annotations: { readOnlyHint: true, idempotentHint: true },
        inputSchema: { type: 'object', properties: {} },
      });
      expectIn(await tool(stage, 'exact_values'), {
        'x-vendor-field': { keep: true },
        icons: [{ src: 'data:image/png;base64,AA==', mimeType: 'image/png' }],
      });
      expectIn(await tool(stage, 'json_schema_2020_12_tool'), { inputSchema: { $defs: { address: { $anchor: 'addressDef' } } } });
      expectIn(await tool(stage, 'test_structured_content'), { outputSchema: { type: 'object', required: ['sum'] } });
    },
  },
  {
    id: 'lists-resources',
    topic,
    says: 'resources and templates are listed with their fields',
    async play(stage) {
      expectIn(await listed(stage, 'resources/list', 'resources', 'uri', 'test://static-text'), { title: 'Static text', mimeType: 'text/plain' });
      const template = await listed(stage, 'resources/templates/list', 'resourceTemplates', 'uriTemplate', 'test://template/{id}/data');
      expectIn(template, { description: 'Data of one id', mimeType: 'application/json' });
    },
  },
  {
    id: 'lists-prompts',
    topic,
    says: 'prompts are listed with their arguments',
    async play(stage) {
      expectIn(await listed(stage, 'prompts/list', 'prompts', 'name', stage.server.prompt('test_prompt_with_arguments')), {
        arguments: [
          { name: 'arg1', required: true },
          { name: 'arg2', required: true },
        ],
      });
    },
  },
  {
    id: 'links-apps',
    topic,
    says: 'the panel of a tool is a `ui://` resource that this server lists and reads, with its own fields',
    async play(stage) {
      const shown = (await tool(stage, 'test_app_panel')) as { _meta: { ui: { resourceUri: string } } };
      const uri = shown._meta.ui.resourceUri;
      expectIn(await listed(stage, 'resources/list', 'resources', 'uri', uri), {
        mimeType: 'text/html;profile=mcp-app',
        _meta: { ui: { csp: { connectDomains: [] } } },
      });
      const { result } = await stage.request('resources/read', { uri });
      expectIn(result, { contents: [{ uri, mimeType: 'text/html;profile=mcp-app', text: anyText }] });
    },
  },
  {
    id: 'refuses-cursors',
    topic,
    says: 'a cursor that nobody gave is refused with -32602',
    play: async (stage) => expectIn(await stage.request('tools/list', { cursor: 'nobody gave this' }), { error: { code: -32_602 } }),
  },
];
