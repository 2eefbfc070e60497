// Client and upstream agree upon a revision each, and the gateway speaks every legacy one to clients: who asks for a known revision
// gets it, whatever the upstream answered (protocol.md 2.1). What is newer than the client is then put in its words, or refused in
// its place (2.5). Sessions that need none of it have `hop` and `older` undefined, and pay nothing.
import {
  downLevelAsk,
  downLevelResult,
  hasNewerContent,
  isLegacyVersion,
  jsonText,
  parsedJson,
  replaceAt,
  scanMessage,
  TOOLS_IN_SAMPLING_SINCE,
  valueAt,
  type Envelope,
} from '#base/protocol';
import type { Exchange } from './exchange.ts';
import type { StreamEvent, UpstreamPort } from './seams.ts';
import type { Listener, ServerMessages } from './server-messages.ts';
import type { Session } from './session.ts';
import { tellUpstream } from './tell-upstream.ts';

/** Must this answer be looked through for what the client's revision does not have? */
export function needsWording({ session, request }: Exchange): boolean {
  if (session === undefined || request.era !== 'legacy') return false;
  const { method } = request.envelope;
  return method === 'initialize' || (session.older !== undefined && hasNewerContent(method));
}

/** @param text one response as latin1; the very same text is returned when nothing in it is newer than the client */
export function inClientsWords({ session, request }: Exchange, text: string): string {
  if (session === undefined) return text;
  try {
    if (request.envelope.method === 'initialize') return agree(session, request.body.toString('latin1'), text);
    return session.older === undefined ? text : downLevelResult(text, request.envelope, session.older);
  } catch {
    // Not JSON as we read it: what becomes of it is not decided here.
    return text;
  }
}

/** Notes what both sides agree upon, and answers the client with the revision it asked for if that is one we know. */
function agree(session: Session, asked: string, answer: string): string {
  const path = ['result', 'protocolVersion'];
  const upstream = textOf(valueAt(answer, path));
  if (upstream === undefined || !isLegacyVersion(upstream)) return answer;
  const wanted = textOf(valueAt(asked, ['params', 'protocolVersion']));
  const client = wanted !== undefined && isLegacyVersion(wanted) ? wanted : upstream;
  session.older = client < TOOLS_IN_SAMPLING_SINCE ? { version: client, wrappedTools: new Set() } : undefined;
  session.hop = client === upstream ? undefined : { client, upstream };
  return client === upstream ? answer : replaceAt(answer, path, jsonText(client));
}

function textOf(json: string | undefined): string | undefined {
  const value = json === undefined ? undefined : parsedJson(json);
  return typeof value === 'string' ? value : undefined;
}

/**
 * Does the upstream believe that its streams are read by a newer client than they are? Then it begins them with an event that has an
 * id and empty data, which early clients take for a message (checklist 32), and may close them expecting the client to come back.
 */
export function isTakenForNewer(session: Session | undefined): boolean {
  if (session?.older === undefined) return false;
  const { hop, upstreamId, serverId } = session;
  // Behind a combined server, which is its own upstream, each upstream has agreed upon a revision for itself.
  return hop === undefined ? upstreamId === serverId : hop.upstream > hop.client;
}

/** An event without a message, for this session's client: its id and retry stay. */
export function withoutEmptyData(session: Session | undefined, event: StreamEvent): StreamEvent {
  return event.data === undefined || !isTakenForNewer(session) ? event : { ...event, data: undefined };
}

export interface AskContext {
  readonly upstream: UpstreamPort;
  readonly messages: ServerMessages;
}

/**
 * A question of the upstream in the client's words.
 * @param headers for an answer in the client's place, without what describes a body
 * @returns undefined when the client cannot be asked, and the upstream has been told so
 */
export function askInClientsWords(context: AskContext, listener: Listener, envelope: Envelope, data: string, headers: string[]): string | undefined {
  const { session, server } = listener;
  if (session?.older === undefined || envelope.kind !== 'request') return data;
  const worded = downLevelAsk(data, envelope, session.older.version);
  if ('ask' in worded) return worded.ask;
  const body = Buffer.from(worded.reply, 'latin1');
  const message = scanMessage(worded.reply);
  context.messages.answered(listener, message, body.length);
  void tellUpstream(context.upstream, {
    upstream: server.upstream.row,
    method: 'POST',
    lane: 'reply',
    headers: [...headers, 'content-type', 'application/json'],
    body,
    message,
    caller: listener.principal,
    session: session.upstream,
    lastEventId: undefined,
    isSafeToRepeat: false,
  });
  return undefined;
}
