// Reads what an upstream is and offers, for the control plane. Its lists are hostile input: paging that never ends, names that
// cannot be shown, and the same name twice are cut off or left out, and said.
import { AppError, type Logger } from '#base/kernel';
import type { Outbound } from '#base/net';
import {
  listItems,
  type ProcessSpec,
  type ReadTool,
  type UpstreamDescription,
  type UpstreamReader,
  type UpstreamTarget,
  type UpstreamTransport,
} from '#base/protocol';
import { ChannelEraProbe } from '../channel/channel-era-probe.ts';
import type { ChannelOpener } from '../channel/message-channel.ts';
import { HttpEraProbe } from '../mcp-http/era-probe.ts';
import { LEGACY_VERSION, MODERN_VERSION, type Conversation, type EraProbe } from './conversation.ts';

const PAGES_MAX = 200;
const TOOLS_MAX = 10_000;
const NAME_MAX = 256;

type Skipped = { name: string; reason: string };

export interface UpstreamReaderParts {
  readonly outbound: Outbound;
  readonly sse: ChannelOpener;
  readonly stdio: ChannelOpener & { check(spec: ProcessSpec): void };
  readonly logger: Logger;
}

/** @param timeoutMs for a whole reading */
export function createUpstreamReader(parts: UpstreamReaderParts, timeoutMs: number): UpstreamReader {
  async function check({ transport, url, process }: Pick<UpstreamTarget, 'transport' | 'url' | 'process'>): Promise<void> {
    if (transport !== 'STDIO') await parts.outbound.check(new URL(url));
    else if (process !== undefined) parts.stdio.check(process);
  }

  function channelProbe(target: UpstreamTarget, transport: 'SSE' | 'STDIO', signal: AbortSignal | undefined): ChannelEraProbe {
    const opener = transport === 'STDIO' ? parts.stdio : parts.sse;
    return new ChannelEraProbe({ opener, target, logger: parts.logger }, transport, timeoutMs, signal);
  }

  async function readAs(target: UpstreamTarget, transport: UpstreamTransport, signal: AbortSignal | undefined): Promise<UpstreamDescription> {
    if (transport === 'STREAMABLEHTTP') return await readUpstream(target, transport, new HttpEraProbe(parts.outbound, target, timeoutMs, signal));
    const probe = channelProbe(target, transport, signal);
    try {
      return await readUpstream(target, transport, probe);
    } finally {
      await probe.close();
    }
  }

  return {
    check,
    async read(target, signal) {
      await check(target);
      if (target.transport !== undefined) return await readAs(target, target.transport, signal);
      try {
        return await readAs(target, 'STREAMABLEHTTP', signal);
      } catch (error) {
        // Only what answered, and in no MCP way, may be of the older transport (MCP 2025-11-25 "Backwards Compatibility").
        if (!(error instanceof AppError) || error.code !== 'upstream.bad_answer') throw error;
        return await readAs(target, 'SSE', signal).catch(() => {
          throw error;
        });
      }
    },
  };
}

async function readUpstream(target: UpstreamTarget, transport: UpstreamTransport, probe: EraProbe): Promise<UpstreamDescription> {
  const modern = await probe.modern();
  // An upstream may speak both eras. When it speaks the modern one, a refusal of the other is an answer, not a failure.
  const legacy = modern === undefined ? await probe.legacy() : await probe.legacy().catch(() => undefined);
  const main = modern ?? legacy;
  if (main === undefined)
    throw new AppError('upstream.bad_answer', `Gateway "${target.name}" speaks no revision of MCP that the gateway knows.`, {
      data: { steps: probe.steps },
    });
  try {
    const about = modern?.discovered ?? legacy?.initialized ?? {};
    const capabilities = about['capabilities'] as Record<string, unknown> | undefined;
    const { tools, skipped } = capabilities?.['tools'] === undefined ? { tools: [], skipped: [] } : await readTools(main.conversation, target.name);
    const steps = [...probe.steps, { step: 'tools/list', ok: true, detail: `${tools.length} tools` }];
    return {
      transport,
      protocolVersion: modern === undefined ? (legacy?.protocolVersion ?? LEGACY_VERSION) : MODERN_VERSION,
      modern: modern !== undefined,
      legacy: legacy !== undefined,
      serverInfo:
        legacy?.initialized['serverInfo'] ?? (about['_meta'] as Record<string, unknown> | undefined)?.['io.modelcontextprotocol/serverInfo'] ?? null,
      capabilities: capabilities ?? {},
      instructions: typeof about['instructions'] === 'string' ? about['instructions'] : undefined,
      tools,
      skippedTools: skipped,
      steps,
    };
  } finally {
    await legacy?.conversation.close();
  }
}

async function readTools(conversation: Conversation, gatewayName: string): Promise<{ tools: ReadTool[]; skipped: Skipped[] }> {
  const tools = new Map<string, ReadTool>();
  const skipped: Skipped[] = [];
  const cursors = new Set<string>();
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page++) {
    const { text } = await conversation.request('tools/list', cursor === undefined ? {} : { cursor });
    const { items, nextCursor } = itemsOf(text, gatewayName);
    for (const item of items) {
      if (tools.size >= TOOLS_MAX) throw new AppError('upstream.bad_answer', `Gateway "${gatewayName}" lists more than ${TOOLS_MAX} tools.`);
      addTool(item, tools, skipped);
    }
    if (nextCursor === undefined) return { tools: [...tools.values()], skipped };
    if (cursors.has(nextCursor))
      throw new AppError('upstream.bad_answer', `The pages of gateway "${gatewayName}"’s tools/list go round in a circle.`);
    cursors.add(nextCursor);
    cursor = nextCursor;
  }
  throw new AppError('upstream.bad_answer', `Gateway "${gatewayName}" lists tools on more than ${PAGES_MAX} pages.`);
}

function itemsOf(text: string, gatewayName: string): ReturnType<typeof listItems> {
  try {
    return listItems(text, 'tools');
  } catch (cause) {
    const why = cause instanceof AppError ? cause.message : 'it cannot be read';
    throw new AppError('upstream.bad_answer', `The tools/list of gateway "${gatewayName}" cannot be used: ${why}`, { cause });
  }
}

function addTool(item: string, tools: Map<string, ReadTool>, skipped: Skipped[]): void {
  const json = Buffer.from(item, 'latin1').toString('utf8');
  const parsed: unknown = JSON.parse(json);
  const tool = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as Record<string, unknown>;
  const { name } = tool;
  const reason = whyNot(name, tools);
  if (reason !== undefined || typeof name !== 'string') {
    if (skipped.length < 100)
      skipped.push({ name: printable(typeof name === 'string' ? name : JSON.stringify(name ?? null)), reason: reason ?? 'it has no name' });
    return;
  }
  tools.set(name, {
    name,
    title: textOf(tool['title']),
    description: textOf(tool['description']),
    inputSchema: tool['inputSchema'] ?? {},
    outputSchema: tool['outputSchema'] ?? null,
    annotations: tool['annotations'] ?? null,
    meta: tool['_meta'] ?? null,
    json,
  });
}

function whyNot(name: unknown, tools: ReadonlyMap<string, ReadTool>): string | undefined {
  if (typeof name !== 'string' || name === '') return 'it has no name';
  if (name.length > NAME_MAX) return `its name is longer than ${NAME_MAX} characters`;
  if (HIDDEN_CHARACTERS.test(name)) return 'its name has control or direction characters';
  if (tools.has(name)) return 'another tool has the same name';
  return undefined;
}

/** Control, format (zero-width, bidi) and line separators: they make two names look alike or a line read backwards. */
const HIDDEN_CHARACTERS = /[\p{Cc}\p{Cf}\u2028\u2029]/u;

function printable(name: string): string {
  return name.slice(0, 80).replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd');
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
