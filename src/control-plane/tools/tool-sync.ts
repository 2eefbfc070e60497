// Brings the rows of one gateway's tools in line with what the upstream offers now. A tool is the same tool when its original name
// is: its id, its switch and its tags survive every refresh (api.md 4.7).
import { newId } from '#base/kernel';
import type { ReadTool, UpstreamDescription } from '#base/protocol';
import { toJsonColumn, type GatewaysTable, type ToolsTable, type Tx } from '#control-plane/db';
import { auditOnCreate, auditOnUpdate, type Caller } from '#control-plane/http-contract';
import { displayNameOf, publishedNames } from './tool-name.ts';
import { deleteTools, insertTools, jsonColumn, toolsOfGateway, updateTool, type ToolContent } from './tool-store.ts';

export interface SyncReport {
  readonly added: number;
  readonly updated: number;
  readonly removed: number;
}

export type SkippedTool = UpstreamDescription['skippedTools'][number];

const NAME_CHARS_MAX = 128;
const TOOL_BYTES_MAX = 1024 * 1024;
const TOOLS_MAX = 10_000;
const TEXT_CHARS_MAX = 8192;
const SKIPPED_MAX = 100;
// Controls, zero-width and bidirectional marks: a name with one of these looks like another name.
const INVISIBLE = /[\p{Cc}\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|\p{Cs}/u;
const INVISIBLE_ALL = /(?![\n\t])[\p{Cc}\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|\p{Cs}/gu;

/** Splits what an upstream offers into what is kept and what is left out, each with its reason. Other people wrote this. */
export function screenTools(description: Pick<UpstreamDescription, 'tools' | 'skippedTools'>): { tools: ReadTool[]; skipped: SkippedTool[] } {
  const skipped = [...description.skippedTools];
  const tools = new Map<string, ReadTool>();
  for (const tool of description.tools) {
    const reason = tools.has(tool.name) ? 'another tool has the same name' : reasonToSkip(tool, tools.size);
    if (reason === undefined) tools.set(tool.name, tool);
    else skipped.push({ name: tool.name, reason });
  }
  const shown = skipped.slice(0, SKIPPED_MAX).map(({ name, reason }) => ({
    name: cleanText(name)
      .replace(/[\n\t]/g, ' ')
      .slice(0, NAME_CHARS_MAX),
    reason,
  }));
  return { tools: [...tools.values()], skipped: shown };
}

function reasonToSkip(tool: ReadTool, taken: number): string | undefined {
  if (tool.name.trim() === '') return 'the name is empty';
  if (tool.name.length > NAME_CHARS_MAX) return `the name is longer than ${NAME_CHARS_MAX} characters`;
  if (INVISIBLE.test(tool.name)) return 'the name has control or invisible characters';
  if (Buffer.byteLength(tool.json) > TOOL_BYTES_MAX) return 'the description of the tool is larger than 1 MiB';
  if (taken >= TOOLS_MAX) return `the upstream has more than ${TOOLS_MAX} tools`;
  return undefined;
}

/** Invisible characters shown as what they are, length bounded. */
export function cleanText(text: string): string {
  return text.replace(INVISIBLE_ALL, '\ufffd').slice(0, TEXT_CHARS_MAX);
}

/** Writes the difference. `tools` come from screenTools. */
export async function syncTools(tx: Tx, gateway: GatewaysTable, tools: readonly ReadTool[], caller: Caller, now: string): Promise<SyncReport> {
  const stored = new Map((await toolsOfGateway(tx, gateway.id)).map((row) => [row.original_name, row]));
  const names = publishedNames(
    gateway.slug,
    tools.map((tool) => tool.name),
  );
  const added: ToolsTable[] = [];
  let updated = 0;
  for (const tool of tools) {
    const content = contentOf(tool, names.get(tool.name) as string);
    const row = stored.get(tool.name);
    stored.delete(tool.name);
    if (row === undefined) {
      added.push(newRow(gateway, tool, content, caller, now));
    } else if (differs(row, content)) {
      await updateTool(tx, row.id, { ...content, ...auditOnUpdate(caller, 'federation', now, row.version) });
      updated++;
    }
  }
  const gone = [...stored.values()].map((row) => row.id);
  await deleteTools(tx, gone);
  await insertTools(tx, added);
  return { added: added.length, updated, removed: gone.length };
}

export interface GatewayFollow {
  readonly slug: string;
  readonly before: Pick<GatewaysTable, 'visibility'>;
  readonly after: Pick<GatewaysTable, 'visibility' | 'team_id'>;
}

/** Tools follow their gateway's name, and its visibility where they still had it (api.md 4.3). */
export async function followGateway(tx: Tx, gatewayId: string, follow: GatewayFollow): Promise<void> {
  const rows = await toolsOfGateway(tx, gatewayId);
  const names = publishedNames(
    follow.slug,
    rows.map((row) => row.original_name),
  );
  for (const row of rows) {
    const name = names.get(row.original_name) as string;
    const doesFollow = row.visibility === follow.before.visibility;
    const visibility = doesFollow ? follow.after.visibility : row.visibility;
    const teamId = doesFollow ? follow.after.team_id : row.team_id;
    if (name !== row.name || visibility !== row.visibility || teamId !== row.team_id)
      await updateTool(tx, row.id, { name, visibility, team_id: teamId });
  }
}

function contentOf(tool: ReadTool, name: string): ToolContent {
  const title = tool.title === undefined ? null : cleanText(tool.title);
  return {
    name,
    display_name: title ?? displayNameOf(tool.name),
    title,
    description: tool.description === undefined ? null : cleanText(tool.description),
    input_schema: jsonColumn(tool.inputSchema) ?? '{"type":"object","properties":{}}',
    output_schema: jsonColumn(tool.outputSchema),
    annotations: jsonColumn(tool.annotations),
    meta: jsonColumn(tool.meta),
    source_json: tool.json,
  };
}

function differs(row: ToolsTable, content: ToolContent): boolean {
  return (Object.keys(content) as (keyof ToolContent)[]).some((key) => row[key] !== content[key]);
}

function newRow(gateway: GatewaysTable, tool: ReadTool, content: ToolContent, caller: Caller, now: string): ToolsTable {
  return {
    id: newId(),
    gateway_id: gateway.id,
    original_name: tool.name,
    ...content,
    enabled: 1,
    visibility: gateway.visibility,
    owner_email: gateway.owner_email,
    team_id: gateway.team_id,
    tags: toJsonColumn([]),
    ...auditOnCreate(caller, 'federation', now),
  };
}
