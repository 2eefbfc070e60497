/**
 * What was said between one client and one server, message by message and whatever carried it: the view in which a session over
 * one transport can be compared with a session over another. What streamable HTTP adds – statuses, headers, which stream carried
 * what – is not here; recording.ts keeps that.
 */

export interface SeenMessage {
  readonly from: 'client' | 'server';
  /** The JSON-RPC message, numbers as parseJson of recording.ts reads them. */
  readonly message: unknown;
}

/** Messages in the order in which a tap between client and server passed them on. */
export type Conversation = readonly SeenMessage[];

/** A message, and the connection, process or session it was said in. */
export interface SeenOnLine extends SeenMessage {
  readonly line: string;
}

/**
 * Only the lines on which a client of this name spoke. Between a gateway and an upstream this leaves out what the gateway reads
 * for itself.
 */
export function conversationOf(clientName: string, seen: readonly SeenOnLine[]): Conversation {
  const names = (message: unknown): boolean => JSON.stringify(message).includes(`"name":${JSON.stringify(clientName)}`);
  const lines = new Set(seen.filter(({ from, message }) => from === 'client' && names(message)).map(({ line }) => line));
  return seen.filter(({ line }) => lines.has(line)).map(({ from, message }) => ({ from, message }));
}

/**
 * Leaves out a `server/discover` that was refused, with its refusal. By it a client finds out whether a server is of the stateless
 * era, and any refusal says no: the server's own is "method not found" on a line, while a gateway that knows the era answers for it.
 */
export function withoutRefusedProbe(conversation: Conversation): Conversation {
  const field = (message: unknown, name: string): unknown =>
    typeof message === 'object' && message !== null ? (message as Record<string, unknown>)[name] : undefined;
  const isProbe = ({ from, message }: SeenMessage): boolean => from === 'client' && field(message, 'method') === 'server/discover';
  const probes = new Set(conversation.filter(isProbe).map(({ message }) => field(message, 'id')));
  const isRefusal = ({ from, message }: SeenMessage): boolean =>
    from === 'server' && field(message, 'error') !== undefined && probes.has(field(message, 'id'));
  const refused = new Set(conversation.filter(isRefusal).map(({ message }) => field(message, 'id')));
  return conversation.filter((seen) => !isRefusal(seen) && !(isProbe(seen) && refused.has(field(seen.message, 'id'))));
}
