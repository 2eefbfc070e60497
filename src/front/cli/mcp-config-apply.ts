// Makes the registered gateways agree with the operator's mcp.json: new servers are registered, changed ones updated, those that
// are gone from the file removed if the file had made them. All at once, so that one that hangs keeps nobody waiting but itself.
import { createHmac } from 'node:crypto';
import type { Secret } from '#base/kernel';
import { AppError, toAppError } from '#base/kernel';
import type { Caller } from '#control-plane/http-contract';
import type { UpstreamCreate, UpstreamEntity, UpstreamService, UpstreamUpdate } from '#control-plane/upstreams';
import { remedyFor } from '#data-plane/upstream';
import type { McpServer } from './mcp-config-server.ts';
import type { McpConfig } from './mcp-config.ts';

export interface ServerOutcome {
  /** As the file has it. */
  readonly label: string;
  readonly state: 'ready' | 'needs_auth' | 'failing' | 'not_saved' | 'off' | 'removed';
  readonly transport: UpstreamEntity['transport'] | undefined;
  /** Undefined: never read. */
  readonly counts: { readonly tools: number; readonly resources: number; readonly prompts: number } | undefined;
  readonly reason: string | undefined;
  readonly remedy: string | undefined;
}

export type Upstreams = Pick<UpstreamService, 'list' | 'get' | 'register' | 'update' | 'setEnabled' | 'remove' | 'refresh'>;

export interface ApplyOptions {
  /** In whose name: the administrator's. */
  readonly email: string;
  /** Definitions hold secrets: what is remembered of them must tell nobody anything. */
  readonly key: Secret;
}

const ORIGIN = 'mcp-config';

/** In the order of the file; what is gone from it comes last. Failures of servers are outcomes. Throws what the database throws. */
export async function applyMcpConfig(config: McpConfig, upstreams: Upstreams, options: ApplyOptions): Promise<ServerOutcome[]> {
  const fileMark = mark(options.key, config.path);
  const callerFor = (definition: unknown): Caller => ({
    principal: {
      key: 'command line',
      subject: options.email,
      email: options.email,
      isAdmin: true,
      reach: 'everything',
      scopes: undefined,
      audience: undefined,
      tokenId: undefined,
      via: 'anonymous',
    },
    clientAddress: '',
    // What the row was made from, so that an unchanged one is left alone at the next start.
    userAgent: `${ORIGIN}/${fileMark} ${mark(options.key, JSON.stringify([config.path, definition]))}`,
    correlationId: '',
    origin: ORIGIN,
  });
  const existing = await listAll(upstreams, callerFor(null));
  const byName = new Map(existing.map((entity) => [entity.name.toLowerCase(), entity]));
  const named = new Set(config.servers.map(({ name }) => name.toLowerCase()));
  const gone = existing.filter(
    (entity) =>
      !named.has(entity.name.toLowerCase()) && entity.createdVia === ORIGIN && (entity.createdUserAgent ?? '').startsWith(`${ORIGIN}/${fileMark} `),
  );
  // First, for a renamed server has the same address.
  const farewells = await Promise.all(gone.map((entity) => part(upstreams, callerFor(null), entity)));
  const outcomes = await Promise.all(
    config.servers.map((server) => bring(upstreams, callerFor(server.input ?? null), server, byName.get(server.name.toLowerCase()))),
  );
  return [...outcomes, ...farewells];
}

async function bring(upstreams: Upstreams, caller: Caller, server: McpServer, existing: UpstreamEntity | undefined): Promise<ServerOutcome> {
  try {
    if (server.input === undefined) return await keepOff(upstreams, caller, server, existing);
    return existing === undefined
      ? await add(upstreams, caller, server, server.input)
      : await renew(upstreams, caller, server, server.input, existing);
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code === 'internal' || error.code === 'database.unavailable') throw thrown;
    return { ...blank(server.label), state: 'not_saved', reason: reasonIn(server.name, error.message), remedy: remedyInFile(error.code) };
  }
}

async function keepOff(upstreams: Upstreams, caller: Caller, { label }: McpServer, existing: UpstreamEntity | undefined): Promise<ServerOutcome> {
  if (existing?.enabled === true) await upstreams.setEnabled(caller, existing.id, false);
  return { ...blank(label), state: 'off', reason: 'The file says that it is switched off.', transport: existing?.transport };
}

/** One that cannot be read now is saved all the same and comes up when it can. */
async function add(upstreams: Upstreams, caller: Caller, { label }: McpServer, input: UpstreamCreate): Promise<ServerOutcome> {
  try {
    return outcomeOf(label, await upstreams.register(caller, input));
  } catch (error) {
    if (!(error instanceof AppError) || !isUpstreams(error)) throw error;
    const saved = await upstreams.register(caller, { ...input, deferred: true });
    return {
      ...outcomeOf(label, saved),
      state: 'failing',
      counts: undefined,
      reason: reasonIn(input.name, error.message),
      remedy: remedyInFile(error.code),
    };
  }
}

async function renew(
  upstreams: Upstreams,
  caller: Caller,
  { label }: McpServer,
  input: UpstreamCreate,
  existing: UpstreamEntity,
): Promise<ServerOutcome> {
  // Somebody has switched it off by hand, which the file does not know; it stays so.
  if (!existing.enabled && existing.modifiedVia !== ORIGIN) {
    const remedy = `Switch it on with POST /gateways/${existing.id}/state?activate=true.`;
    return { ...blank(label), transport: existing.transport, state: 'off', reason: 'It was switched off by an administrator.', remedy };
  }
  const isUnchanged = (existing.modifiedUserAgent ?? existing.createdUserAgent) === caller.userAgent;
  if (!isUnchanged) await upstreams.update(caller, existing.id, replacement(input, existing));
  if (!existing.enabled) return outcomeOf(label, await upstreams.setEnabled(caller, existing.id, true));
  await upstreams.refresh(caller, existing.id);
  return outcomeOf(label, await upstreams.get(caller, existing.id));
}

/** Nothing of what was there before may stay, and it is read afterwards, whether it is there or not. */
function replacement(input: UpstreamCreate, { transport }: UpstreamEntity): UpstreamUpdate {
  if (input.transport === 'STDIO') return { ...input, deferred: true };
  const guessed = /\/sse\/?$/i.test(URL.parse(input.url ?? '')?.pathname ?? '') ? 'SSE' : 'STREAMABLEHTTP';
  return { ...input, transport: input.transport ?? (transport === 'STDIO' ? guessed : transport), deferred: true };
}

async function part(upstreams: Upstreams, caller: Caller, entity: UpstreamEntity): Promise<ServerOutcome> {
  const gone = { ...blank(entity.name), transport: entity.transport };
  try {
    await upstreams.remove(caller, entity.id);
    return { ...gone, state: 'removed', reason: 'It is no longer in the file.' };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'gateway.conflict') throw error;
    if (entity.enabled) await upstreams.setEnabled(caller, entity.id, false);
    return { ...gone, state: 'off', reason: `It is no longer in the file. ${error.message}`, remedy: undefined };
  }
}

function outcomeOf(label: string, entity: UpstreamEntity): ServerOutcome {
  const state = entity.state === 'ready' ? 'ready' : entity.state === 'needs_auth' ? 'needs_auth' : 'failing';
  const { lastError } = entity;
  return {
    label,
    state,
    transport: entity.transport,
    counts: entity.lastRefreshAt === null ? undefined : { tools: entity.toolCount, resources: entity.resourceCount, prompts: entity.promptCount },
    reason: lastError === null ? undefined : reasonIn(entity.name, lastError.message),
    remedy: lastError === null ? undefined : remedyInFile(lastError.code),
  };
}

function blank(label: string): ServerOutcome {
  return { label, state: 'failing', transport: undefined, counts: undefined, reason: undefined, remedy: undefined };
}

/** Below a line that has the name already. */
function reasonIn(name: string, message: string): string {
  const text = message.replace(`Gateway "${name}": `, '').replace(`Gateway "${name}" `, 'It ');
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** What to do about it for somebody who has a file, not a REST client, at hand. */
function remedyInFile(code: string): string | undefined {
  if (code === 'upstream.needs_auth') return 'Put its credentials into "headers" in the file and start again.';
  if (code === 'upstream.timeout')
    return 'It is tried again by itself. npx and uvx download a package the first time; FEDERATION_TIMEOUT gives a slow start more time.';
  // The reason says it already, for this very command.
  if (code === 'upstream.not_started') return undefined;
  if (code === 'gateway.conflict') return 'Remove one of the two, or use the same name for both.';
  return code.startsWith('upstream.') ? remedyFor(code) : undefined;
}

function isUpstreams({ code }: AppError): boolean {
  return code.startsWith('upstream.') || code === 'limit.processes';
}

async function listAll(upstreams: Upstreams, caller: Caller): Promise<UpstreamEntity[]> {
  const rows: UpstreamEntity[] = [];
  let cursor: string | undefined;
  do {
    const page = await upstreams.list(caller, { include_inactive: true, include_pagination: true, limit: 500, cursor });
    rows.push(...page.rows);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return rows;
}

function mark(key: Secret, text: string): string {
  return createHmac('sha256', key.reveal()).update(text).digest('base64url').slice(0, 16);
}
