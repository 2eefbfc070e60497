/** One way to listen in on any endpoint: what a client connects to instead, and what was said. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { conversationOf } from './conversation.ts';
import type { Conversation } from './conversation.ts';
import type { Endpoint, StdioEndpoint } from './endpoint.ts';
import { readLineTap } from './line-tap.ts';
import { exchangesOf } from './recording.ts';
import { startSseTap } from './sse-tap.ts';
import { startTap } from './tap.ts';

export interface TappedEndpoint {
  readonly endpoint: Endpoint;
  /** What the clients of this name said and heard so far. */
  conversationOf(clientName: string): Conversation;
  close(): Promise<void>;
}

async function tapLine(target: StdioEndpoint): Promise<TappedEndpoint> {
  const folder = await mkdtemp(join(tmpdir(), 'line-tap-'));
  const args = [join(import.meta.dirname, 'line-tap.ts'), folder, target.command, ...target.args];
  return {
    endpoint: { ...target, command: process.execPath, args },
    conversationOf: (clientName) => conversationOf(clientName, readLineTap(folder)),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

export async function tapEndpoint(target: Endpoint): Promise<TappedEndpoint> {
  if (target.transport === 'stdio') return tapLine(target);
  if (target.transport === 'streamableHttp') {
    const tap = await startTap(target.url, target.headers);
    return {
      endpoint: { transport: 'streamableHttp', url: tap.url },
      conversationOf(clientName) {
        const own = new Set(exchangesOf(clientName, tap.recording).exchanges);
        return tap.seen.filter(({ exchange }) => own.has(exchange)).map(({ from, message }) => ({ from, message }));
      },
      close: () => tap.close(),
    };
  }
  const tap = await startSseTap(target.url, target.headers);
  return {
    endpoint: { transport: 'sse', url: tap.url },
    conversationOf: (clientName) => conversationOf(clientName, tap.seen),
    close: () => tap.close(),
  };
}
