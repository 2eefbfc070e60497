// Reads the file in which Claude Desktop, Claude Code, Cursor and VS Code keep their MCP servers, so that moving them behind the
// gateway takes one command. All faults are told at once, each with file, server, field and what to do.
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import type { Environment } from '#base/config';
import { AppError } from '#base/kernel';
import { parseJsonc } from './jsonc.ts';
import { answerInputs, readInputRequests, variableOfInput, type Answers, type Ask } from './mcp-config-inputs.ts';
import { readServer, type McpServer } from './mcp-config-server.ts';
import { inputIdsIn, type Places } from './mcp-config-variables.ts';

export interface McpConfig {
  /** Absolute. */
  readonly path: string;
  readonly servers: readonly McpServer[];
  /** What is in the file without effect, for people. */
  readonly notes: readonly string[];
}

export interface McpConfigSurroundings {
  readonly cwd: string;
  readonly env: Environment;
  /** Undefined when nobody can be asked. */
  readonly ask: Ask | undefined;
}

/** Throws AppError `config.invalid`. */
export async function readMcpConfig(file: string, { cwd, env, ask }: McpConfigSurroundings): Promise<McpConfig> {
  const path = resolve(cwd, file);
  const text = readText(path, file);
  const draft = parseFile(text, file);
  const used = new Set(inputIdsIn(draft.enabled));
  const requests = draft.inputs.filter(({ id }) => used.has(id));
  const answered = await answerInputs(requests, env, ask);
  const places = { env, workspaceFolder: workspaceOf(path), homeFolder: homedir(), answers: answered.answers };
  return { path, ...readServers(draft, places, answered, file) };
}

/** The programs that the file starts: whoever wrote it decides what runs on this machine. */
export function commandsOf({ servers }: McpConfig): string[] {
  return [...new Set(servers.flatMap(({ input }) => (input?.command ? [input.command] : [])))];
}

interface Draft {
  readonly entries: readonly (readonly [label: string, entry: unknown])[];
  readonly enabled: unknown;
  readonly inputs: ReturnType<typeof readInputRequests>;
  readonly faults: readonly string[];
}

function readText(path: string, file: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new AppError(
      'config.invalid',
      `${file} cannot be read (${code}). --config takes a file with MCP servers such as mcp.json; --config-file takes settings.`,
    );
  }
}

/** Throws AppError `config.invalid` for what is no such file at all. */
export function parseFile(text: string, file: string): Draft {
  let parsed: ReturnType<typeof parseJsonc>;
  try {
    parsed = parseJsonc(text);
  } catch (error) {
    const hint = /^\s*[\w-]+:/.test(text) ? ' It looks like YAML: settings are read with --config-file.' : '';
    throw new AppError('config.invalid', `${file} is not JSON: ${(error as Error).message}.${hint}`);
  }
  const root = isMapping(parsed.value) ? parsed.value : {};
  const [key, servers] = serversOf(root);
  if (key === undefined) {
    throw new AppError(
      'config.invalid',
      `${file} has no servers: it needs "mcpServers" (Claude, Cursor and most others) or "servers" (VS Code), an object of servers by name.`,
    );
  }
  const faults = parsed.repeated.map(({ key: name, line }) => `line ${line}: ${name} is there twice in one object; remove or rename one`);
  if (!isMapping(servers)) {
    return { entries: [], enabled: undefined, inputs: [], faults: [...faults, `"${key}" is not an object of servers by name`] };
  }
  const entries = Object.entries(servers);
  const enabled = entries.filter(([, entry]) => !isMapping(entry) || (entry['disabled'] !== true && entry['enabled'] !== false));
  return { entries, enabled, inputs: readInputRequests(root['inputs'] ?? (isMapping(root['mcp']) ? root['mcp']['inputs'] : undefined)), faults };
}

function serversOf(root: Record<string, unknown>): [key: string | undefined, servers: unknown] {
  if (Object.hasOwn(root, 'mcpServers')) return ['mcpServers', root['mcpServers']];
  if (Object.hasOwn(root, 'servers')) return ['servers', root['servers']];
  // VS Code's settings.json has them one level down.
  const nested = root['mcp'];
  if (isMapping(nested) && Object.hasOwn(nested, 'servers')) return ['servers', nested['servers']];
  return [undefined, undefined];
}

export function readServers(
  draft: Draft,
  places: Places,
  { unanswered }: Pick<Answers, 'unanswered'>,
  file: string,
): Pick<McpConfig, 'servers' | 'notes'> {
  const faults = [...draft.faults, ...unanswered.map((id) => inputFault(id))];
  const notes: string[] = [];
  const byName = new Map<string, McpServer>();
  for (const [label, entry] of draft.entries) {
    const words = `server ${JSON.stringify(label)}`;
    const server = readServer(label, entry, places, {
      fault: (field, problem) => {
        // Told once for the whole file.
        if (unanswered.some((id) => problem.startsWith(`\${input:${id}}`))) return;
        faults.push(field === '' ? `${words}: ${problem}` : `${words}, ${field}: ${problem}`);
      },
      note: (note) => void notes.push(`${basename(file)}, ${words}: ${note.endsWith('?') ? note : `${note}.`}`),
    });
    if (server === undefined) continue;
    const rival = byName.get(server.name.toLowerCase());
    if (rival !== undefined) faults.push(`${words}: would be the gateway "${server.name}", as ${JSON.stringify(rival.label)} is; rename one`);
    byName.set(server.name.toLowerCase(), server);
  }
  if (faults.length > 0) {
    const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
    throw new AppError('config.invalid', [`${file} has ${count}:`, ...faults.map((fault) => `  ${fault}.`)].join('\n'));
  }
  return { servers: [...byName.values()], notes };
}

function inputFault(id: string): string {
  return `\${input:${id}}: there is no terminal to ask on; set ${variableOfInput(id)} in the environment of the gateway`;
}

/** Editors keep the file in a folder of their own inside the project. */
function workspaceOf(path: string): string {
  const folder = dirname(path);
  return ['.vscode', '.cursor', '.claude'].includes(basename(folder)) ? dirname(folder) : folder;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
