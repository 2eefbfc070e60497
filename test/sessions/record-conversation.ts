/** Plays one scripted session through a tap and keeps what was said, over any transport. */
import type { Conversation } from './conversation.ts';
import type { Endpoint } from './endpoint.ts';
import type { PlaySession } from './scripted-sessions.ts';
import { tapEndpoint } from './tap-endpoint.ts';

/** Far beyond any session's length; a gateway that swallows a message makes the script wait for ever. */
const DEADLINE_MS = 180_000;

/**
 * Plays `play`, whose client calls itself `clientName`, against `target`. When the script fails or waits in vain, rejects with an
 * error that ends with the last messages seen, which is where to look. `signal` ends it early.
 */
export async function recordConversation(play: PlaySession, clientName: string, target: Endpoint, signal?: AbortSignal): Promise<Conversation> {
  const tapped = await tapEndpoint(target);
  try {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    await play(tapped.endpoint, signal === undefined ? deadline : AbortSignal.any([signal, deadline]));
    return tapped.conversationOf(clientName);
  } catch (cause) {
    const last = tapped.conversationOf(clientName).slice(-6);
    const lines = last.map(({ from, message }) => `${from}: ${(JSON.stringify(message) ?? '').slice(0, 600)}`);
    throw new Error(`${String(cause)}\nLast messages:\n${lines.join('\n')}`, { cause });
  } finally {
    await tapped.close();
  }
}
