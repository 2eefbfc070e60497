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
