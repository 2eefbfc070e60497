// Reads what an upstream is and offers, for the control plane: which transport and era it speaks, what it says of itself, and its
// lists (read-catalogue.ts).
import { AppError, type Logger } from '#base/kernel';
import type { Outbound } from '#base/net';
import {
  MODERN_VERSION,
  type ClientNeed,
  type ProcessSpec,
  type UpstreamDescription,
  type UpstreamReader,
  type UpstreamTarget,
  type UpstreamTransport,
} from '#base/protocol';
import { ChannelEraProbe } from '../channel/channel-era-probe.ts';
import type { ChannelOpener } from '../channel/message-channel.ts';
import { HttpEraProbe } from '../mcp-http/era-probe.ts';
import { ALL_NEEDS, LEGACY_VERSION, type Conversation, type EraProbe } from './conversation.ts';
import { readCatalogue, type ConversationAs } from './read-catalogue.ts';

export interface UpstreamReaderParts {
  readonly outbound: Outbound;
  readonly sse: ChannelOpener;
  readonly stdio: ChannelOpener & { check(spec: ProcessSpec): void };
  readonly logger: Logger;
}

/**
 * @param timeoutMs for a whole reading
 * @param doesList without it only the greeting is exchanged, to see whether an upstream is there
 */
export function createUpstreamReader(parts: UpstreamReaderParts, timeoutMs: number, doesList: boolean): UpstreamReader {
  async function check({ transport, url, process }: Pick<UpstreamTarget, 'transport' | 'url' | 'process'>): Promise<void> {
    if (transport !== 'STDIO') await parts.outbound.check(new URL(url));
    else if (process !== undefined) parts.stdio.check(process);
  }

  function channelProbe(target: UpstreamTarget, transport: 'SSE' | 'STDIO', signal: AbortSignal | undefined): ChannelEraProbe {
    const opener = transport === 'STDIO' ? parts.stdio : parts.sse;
    return new ChannelEraProbe({ opener, target, logger: parts.logger }, transport, timeoutMs, signal);
  }

  async function readAs(target: UpstreamTarget, transport: UpstreamTransport, signal: AbortSignal | undefined): Promise<UpstreamDescription> {
    if (transport === 'STREAMABLEHTTP')
      return await readUpstream(target, transport, new HttpEraProbe(parts.outbound, target, timeoutMs, signal), doesList);
    const probe = channelProbe(target, transport, signal);
    try {
      return await readUpstream(target, transport, probe, doesList);
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

async function readUpstream(target: UpstreamTarget, transport: UpstreamTransport, probe: EraProbe, doesList: boolean): Promise<UpstreamDescription> {
  const modern = await probe.modern();
  // An upstream may speak both eras. When it speaks the modern one, a refusal of the other is an answer, not a failure.
  const legacy = modern === undefined ? await probe.legacy(ALL_NEEDS) : await probe.legacy(ALL_NEEDS).catch(() => undefined);
  const about = modern?.discovered ?? legacy?.initialized ?? {};
  try {
    const openAs = async (needs: readonly ClientNeed[]): Promise<ConversationAs> => {
      if (modern !== undefined) return { conversation: modern.conversationAs(needs), capabilities: capabilitiesIn(about) };
      // Some servers take one session at a time.
      await legacy?.conversation.close();
      const other = await probe.legacy(needs);
      return { conversation: other.conversation, capabilities: capabilitiesIn(other.initialized) };
    };
    const conversation = (modern?.conversationAs(ALL_NEEDS) ?? legacy?.conversation) as Conversation;
    const { items, skipped } = doesList
      ? await readCatalogue(target.name, { conversation, capabilities: capabilitiesIn(about) }, openAs)
      : { items: [], skipped: [] };
    return {
      transport,
      protocolVersion: modern === undefined ? (legacy?.protocolVersion ?? LEGACY_VERSION) : MODERN_VERSION,
      modern: modern !== undefined,
      legacy: legacy !== undefined,
      serverInfo:
        legacy?.initialized['serverInfo'] ?? (about['_meta'] as Record<string, unknown> | undefined)?.['io.modelcontextprotocol/serverInfo'] ?? null,
      capabilities: capabilitiesIn(about),
      instructions: typeof about['instructions'] === 'string' ? about['instructions'] : undefined,
      items,
      skipped,
      steps: [...probe.steps, { step: 'lists', ok: true, detail: `${items.length} items` }],
    };
  } finally {
    await legacy?.conversation.close();
  }
}

function capabilitiesIn(about: Record<string, unknown>): Record<string, unknown> {
  const declared = about['capabilities'];
  return typeof declared === 'object' && declared !== null && !Array.isArray(declared) ? (declared as Record<string, unknown>) : {};
}
