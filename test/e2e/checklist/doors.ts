// Two doors to one upstream, the upstream's own and the mirror's, and requests written by hand so that both get the same bytes.
import { open, type OpenAnswer } from './wire.ts';
import type { StartedGateway } from '../../kit/gateway.ts';

export type Era = 'legacy' | 'modern';

/** Where to send to, and what to send along every time. */
export interface Door {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export const MODERN = '2026-07-28';
export const BOTH = 'application/json, text/event-stream';
export const META = 'io.modelcontextprotocol/';

export async function mirrorOf(
  gateway: StartedGateway,
  upstreamUrl: string,
  options: { gateway?: object; server?: object } = {},
): Promise<Door & { gatewayId: string; serverId: string }> {
  const { mcpUrl, gatewayId, serverId } = await gateway.registerMirror(upstreamUrl, options);
  return { url: mcpUrl, headers: { authorization: `Bearer ${gateway.token}` }, gatewayId, serverId };
}

/** The same door for somebody else. */
export function as(door: Door, token: string): Door {
  return { url: door.url, headers: { ...door.headers, authorization: `Bearer ${token}` } };
}

export function post(door: Door, body: string | Buffer, headers: Record<string, string> = {}): Promise<OpenAnswer> {
  return open(door.url, { headers: { 'content-type': 'application/json', accept: BOTH, ...door.headers, ...headers }, body });
}

/** The envelope of a modern request, as members of `_meta`. */
export function envelope(capabilities: object = {}): Record<string, unknown> {
  return { [`${META}protocolVersion`]: MODERN, [`${META}clientCapabilities`]: capabilities, [`${META}clientInfo`]: { name: 'wire', version: '1' } };
}

export interface ModernRequest {
  readonly id?: unknown;
  readonly capabilities?: object;
  readonly meta?: object;
  readonly headers?: Record<string, string>;
}

export function modernHeaders(method: string, name?: string): Record<string, string> {
  return { 'mcp-protocol-version': MODERN, 'mcp-method': method, ...(name === undefined ? {} : { 'mcp-name': name }) };
}

export function modernBody(method: string, params: object, { id = 1, capabilities, meta }: ModernRequest = {}): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: { ...envelope(capabilities), ...meta } } });
}

export function modern(door: Door, method: string, params: Record<string, unknown> = {}, options: ModernRequest = {}): Promise<OpenAnswer> {
  const name = params['name'] ?? params['uri'] ?? params['taskId'];
  return post(door, modernBody(method, params, options), {
    ...modernHeaders(method, typeof name === 'string' ? name : undefined),
    ...options.headers,
  });
}

/** A legacy session as its client holds it. */
export interface ClientSession extends Door {
  readonly id: string;
  /** The answer to initialize, as it was written. */
  readonly initialized: string;
}

export async function openSession(door: Door, version = '2025-11-25', capabilities: object = {}, more: object = {}): Promise<ClientSession> {
  const params = { protocolVersion: version, capabilities, clientInfo: { name: 'wire', version: '1' }, ...more };
  const answer = await post(door, JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }));
  const initialized = await answer.answerText();
  if (answer.status !== 200) throw new Error(`initialize: ${answer.status} ${initialized}`);
  const id = String(answer.headers['mcp-session-id'] ?? '');
  const session = { url: door.url, headers: { ...door.headers, 'mcp-session-id': id, 'mcp-protocol-version': version }, id, initialized };
  const noted = await post(session, '{"jsonrpc":"2.0","method":"notifications/initialized"}');
  await noted.bytes();
  return session;
}

export function request(id: unknown, method: string, params?: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params });
}

export function toolCall(id: unknown, name: string, args: object = {}, more: object = {}): string {
  return request(id, 'tools/call', { name, arguments: args, ...more });
}

export function notification(method: string, params?: object): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params });
}

export function getStream(session: Door, headers: Record<string, string> = {}): Promise<OpenAnswer> {
  return open(session.url, { method: 'GET', headers: { accept: 'text/event-stream', ...session.headers, ...headers } });
}

/** The text of a tool's first content block. */
export function textOf(answer: Record<string, unknown>): string {
  const result = answer['result'] as { content?: { text?: string }[] } | undefined;
  const text = result?.content?.[0]?.text;
  if (text === undefined) throw new Error(`no text in ${JSON.stringify(answer)}`);
  return text;
}

/** The id of a tool's row, by which it is switched off and on. */
export async function toolRow(gateway: StartedGateway, gatewayId: string, name: string): Promise<string> {
  const { body } = await gateway.api('GET', `/tools?gateway_id=${gatewayId}&limit=0&include_inactive=true`);
  const row = (body as { id: string; originalName: string }[]).find(({ originalName }) => originalName === name);
  if (row === undefined) throw new Error(`the gateway has read no tool ${name}`);
  return row.id;
}
