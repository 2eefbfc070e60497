// Checks every message of a server that was set to `strictSchema`, both ways, against the schema of the revision in use. For people
// who debug: all other servers have no such stage, and no message of theirs is looked at.
import { AppError, type Logger } from '#base/kernel';
import { batchElements, isBatch, LEGACY_VERSIONS, mcpSchema, parsedJson, TOOLS_IN_SAMPLING_SINCE, type SchemaFault } from '#base/protocol';
import type { Exchange } from './exchange.ts';
import type { Session } from './session.ts';

const NEWEST_LEGACY = TOOLS_IN_SAMPLING_SINCE;
/** What a client without a session and without the header speaks (MCP 2025-03-26, transports). */
const UNSAID = '2025-03-26';

export class StrictCheck {
  readonly #exchange: Exchange;
  readonly #log: Logger;

  constructor(exchange: Exchange, log: Logger) {
    this.#exchange = exchange;
    this.#log = log;
  }

  /** Throws AppError `schema.message` or `schema.params` when what the client says breaks the schema. */
  client(): void {
    const { request, session } = this.#exchange;
    const { envelope } = request;
    const schema = mcpSchema(this.#clientVersion());
    const message = read(request.body.toString('latin1'));
    if (schema === undefined || message === undefined) return;
    const answered = envelope.kind === 'response' && envelope.id !== undefined ? session?.openAskOf(envelope.id)?.method : undefined;
    const faults = schema.faultsOfClient(message, answered);
    if (faults.length === 0) return;
    this.#note('client', envelope.method || `answer to ${answered ?? 'a question'}`, schema.version, faults);
    const isFrame = faults.every(({ path }) => !/^(params|result)\b/.test(path));
    throw broken(isFrame ? 'schema.message' : 'schema.params', 'The message', schema.version, faults);
  }

  /**
   * Throws AppError `schema.upstream` when what the upstream says breaks the schema.
   * @param text one message, or a batch, as latin1; what is no JSON-RPC at all is judged elsewhere
   */
  upstream(text: string): void {
    const schema = mcpSchema(this.#upstreamVersion());
    if (schema === undefined) return;
    const asked = this.#exchange.request.envelope.method;
    for (const element of elementsOf(text)) {
      const message = read(element);
      if (!isRpc(message)) continue;
      const faults = schema.faultsOfServer(message, asked);
      if (faults.length === 0) continue;
      this.#note('upstream', typeof message.method === 'string' ? message.method : `answer to ${asked}`, schema.version, faults);
      throw broken('schema.upstream', 'What the upstream said', schema.version, faults);
    }
  }

  /** Too much to be held, so it passes as it is. */
  noteUnchecked(): void {
    const { request, server } = this.#exchange;
    this.#log.warn('An answer is too large to be checked and passes as it is', { server: server?.name, method: request.envelope.method });
  }

  #note(side: 'client' | 'upstream', what: string, revision: string, faults: readonly SchemaFault[]): void {
    const { server } = this.#exchange;
    this.#log.warn('A message breaks the schema', { side, server: server?.name, serverId: server?.id, what: what.slice(0, 100), revision, faults });
  }

  #clientVersion(): string {
    const { request, session } = this.#exchange;
    const { envelope, era, headers } = request;
    const said = envelope.protocolVersion ?? (headers['mcp-protocol-version'] as string | undefined);
    if (era === 'modern') return said ?? '';
    if (session !== undefined) return agreedBy(session);
    return envelope.method === 'initialize' ? askedFor(request.body) : (said ?? UNSAID);
  }

  /** An upstream's words before they are put in those of an older client. */
  #upstreamVersion(): string {
    const { request, session } = this.#exchange;
    if (request.era === 'modern' || session === undefined) return this.#clientVersion();
    // Not agreed upon yet: this answer is what does it, and its schema is the same in all revisions.
    if (request.envelope.method === 'initialize') return NEWEST_LEGACY;
    if (session.hop !== undefined) return session.hop.upstream;
    // Behind a combined server each upstream has agreed upon a revision for itself.
    return session.upstreamId === session.serverId ? NEWEST_LEGACY : agreedBy(session);
  }
}

/** Sessions that need no words of older revisions have agreed upon the newest. */
function agreedBy({ hop, older }: Session): string {
  return hop?.client ?? older?.version ?? NEWEST_LEGACY;
}

function askedFor(body: Buffer): string {
  const message = read(body.toString('latin1')) as { params?: { protocolVersion?: unknown } | null } | undefined;
  const asked = message?.params?.protocolVersion;
  return typeof asked === 'string' && LEGACY_VERSIONS.includes(asked) ? asked : NEWEST_LEGACY;
}

function read(text: string): unknown {
  try {
    return parsedJson(text);
  } catch {
    return undefined;
  }
}

function elementsOf(text: string): readonly string[] {
  try {
    return isBatch(text) ? batchElements(text) : [text];
  } catch {
    return [];
  }
}

/** Servers word their own refusals, in all kinds of JSON. */
function isRpc(message: unknown): message is { readonly method?: unknown } {
  return typeof message === 'object' && message !== null && ['jsonrpc', 'method', 'result', 'error', 'id'].some((key) => key in message);
}

function broken(
  code: 'schema.message' | 'schema.params' | 'schema.upstream',
  what: string,
  revision: string,
  faults: readonly SchemaFault[],
): AppError {
  const [{ path, problem } = { path: '', problem: '' }] = faults;
  const more = faults.length > 1 ? `, and ${faults.length - 1} more` : '';
  return new AppError(code, `${what} does not fit MCP ${revision}: ${path === '' ? '' : `${path}: `}${problem}${more}`, {
    data: { revision, faults },
  });
}
