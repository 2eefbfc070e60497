/** Plays one scripted session through a tap and keeps what was on the wire. */
import type { Recording } from './recording.ts';
import type { PlaySession } from './scripted-sessions.ts';
import { startTap } from './tap.ts';

/** Far beyond any session's length; a mirror that swallows a message makes the script wait for ever. */
const DEADLINE_MS = 60_000;

/**
 * Plays `play` against `target` (an MCP endpoint) and resolves with the recording. When the script fails or waits in vain,
 * rejects with an error that ends with the last exchanges seen, which is where to look.
 */
export async function recordSession(play: PlaySession, target: string, headers: Readonly<Record<string, string>> = {}): Promise<Recording> {
  const tap = await startTap(target, headers);
  try {
    await play({ transport: 'streamableHttp', url: tap.url }, AbortSignal.timeout(DEADLINE_MS));
    return tap.recording;
  } catch (cause) {
    const last = tap.recording.exchanges.slice(-3).map((exchange) => JSON.stringify(exchange).slice(0, 1500));
    throw new Error(`${String(cause)}\nLast exchanges:\n${last.join('\n')}`, { cause });
  } finally {
    await tap.close();
  }
}
