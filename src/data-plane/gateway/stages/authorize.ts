// May this caller send this message to this server, and use the tool, prompt or resource it names? The same decision filters lists
// (views.ts).
import { decide, isVisible, type Decision, type Owned, type Principal } from '#base/access';
import { AppError } from '#base/kernel';
import { parsedJson, plainUri, valueAt } from '#base/protocol';
import type { Exchange } from '../exchange.ts';
import type { ServerEntry } from '../snapshot.ts';
import { serverNotFound } from './resolve.ts';

export function authorize(exchange: Exchange): void {
  const { principal, server, request } = exchange;
  if (principal === undefined || server === undefined) throw serverNotFound();
  checkUse(principal, server);
  const { envelope } = request;
  const use = USES.get(envelope.method);
  if (use === undefined) {
    if (envelope.method === 'completion/complete') authorizeCompletion(principal, server, request.body);
    return;
  }
  const name = envelope[use.named];
  if (name !== undefined) {
    const decision = decideItem(principal, server, use.kind, name);
    if (!decision.allowed) throw refusedItem(decision, use.kind, name);
  } else if (server.upstream.hidden.size > 0 || principal.scopes !== undefined) {
    // Some servers would read ["a"] as "a": what cannot be decided on must not be passed on.
    throw new AppError('request.bad_params', `\`params.${use.named}\` must be a string.`);
  }
}

/** What is used by which method, and the param that names it. */
const USES: ReadonlyMap<string, { readonly kind: 'tool' | 'prompt' | 'resource'; readonly named: 'name' | 'uri' }> = new Map([
  ['tools/call', { kind: 'tool', named: 'name' }],
  ['prompts/get', { kind: 'prompt', named: 'name' }],
  ['resources/read', { kind: 'resource', named: 'uri' }],
  ['resources/subscribe', { kind: 'resource', named: 'uri' }],
]);

/** A completion tells what could be written into a prompt or a template, so it takes what using that takes. */
function authorizeCompletion(principal: Principal, server: ServerEntry, body: Buffer): void {
  const { upstream } = server;
  if (principal.scopes === undefined && !upstream.hidden.has('prompt') && !upstream.hidden.has('template')) return;
  const reference = valueAt(body.toString('latin1'), ['params', 'ref']);
  const { name, uri } = (reference?.startsWith('{') === true ? parsedJson(reference) : {}) as { name?: unknown; uri?: unknown };
  if (typeof name === 'string') {
    const decision = decideItem(principal, server, 'prompt', name);
    if (!decision.allowed) throw refusedItem(decision, 'prompt', name);
  } else if (typeof uri === 'string') {
    const decision = decideTemplate(principal, server, uri);
    if (!decision.allowed) throw refusedItem(decision, 'resource', uri);
  }
}

/** Throws AppError when this caller may not, or nobody may, use the server. */
export function checkUse(principal: Principal, server: ServerEntry): void {
  const decision = decide(principal, 'use', server);
  if (!decision.allowed) throw refusedServer(decision);
  // What a mirror shows belongs to its upstream: who may not see that one sees nothing of it here.
  if (!isVisible(principal, server.upstream)) throw serverNotFound();
  if (!server.upstream.enabled)
    throw new AppError('server.disabled', `The gateway "${server.upstream.row.name}" behind this server is switched off.`);
}

/**
 * May this caller use what the upstream of this server calls so? What we have not read is the upstream's to refuse: nobody has disabled
 * or hidden it. But a token's scopes cover it, or do not.
 */
export function decideItem(principal: Principal, server: ServerEntry, kind: 'tool' | 'prompt' | 'resource', name: string): Decision {
  const { upstream } = server;
  if (kind !== 'resource') return decide(principal, 'use', (kind === 'tool' ? upstream.tools : upstream.prompts).get(name) ?? UNREAD[kind], server);
  const listed = upstream.resources.get(name);
  if (listed !== undefined) return decide(principal, 'use', listed, server);
  return upstream.hidden.has('resource') || upstream.hidden.has('template')
    ? decideMade(principal, server, name)
    : decide(principal, 'use', UNREAD.resource, server);
}

/** A template as it is listed. */
export function decideTemplate(principal: Principal, server: ServerEntry, uriTemplate: string): Decision {
  const listed = server.upstream.templates.find(({ item }) => item.row.key === uriTemplate)?.item;
  return decide(principal, 'use', listed ?? UNREAD.resource, server);
}

/**
 * A URI that is on no list: whoever may use one of the templates it fits may read it. But it may be another spelling of a hidden
 * resource, or fit a hidden template in the upstream's reading, which may be wider than ours.
 */
function decideMade(principal: Principal, server: ServerEntry, uri: string): Decision {
  const { hiddenUris, templates } = server.upstream;
  const use = (item: Owned): Decision => decide(principal, 'use', item, server);
  const plain = plainUri(uri);
  const spelled = hiddenUris.get(plain);
  if (spelled !== undefined && !use(spelled).allowed) return use(spelled);
  const decisions = templates.filter(({ matches }) => matches(uri)).map(({ item }) => use(item));
  const decided = decisions.find(({ allowed }) => allowed) ?? decisions[0];
  if (decided !== undefined) return decided;
  const feared = templates.filter(({ mayMatch }) => mayMatch?.(uri) === true || mayMatch?.(plain) === true).map(({ item }) => use(item));
  return feared.find(({ allowed }) => !allowed) ?? use(UNREAD.resource);
}

const unread = (kind: Owned['kind']): Owned => ({ kind, id: '', visibility: 'public', ownerEmail: null, teamId: null, enabled: true });
const UNREAD = { tool: unread('tool'), prompt: unread('prompt'), resource: unread('resource') };

function refusedServer(decision: Decision & { allowed: false }): AppError {
  if (decision.reason === 'disabled') return new AppError('server.disabled', 'This server is switched off.');
  if (decision.reason === 'scope') return new AppError('access.denied', 'The token’s scopes do not cover this server.');
  return serverNotFound();
}

function refusedItem(decision: Decision & { allowed: false }, kind: 'tool' | 'prompt' | 'resource', name: string): AppError {
  if (decision.reason === 'scope')
    return new AppError('access.denied', `The token’s scopes do not cover ${kind === 'tool' ? 'calling tools' : `reading ${kind}s`}.`);
  return new AppError(`${kind}.not_found`, `Unknown ${kind}: ${name.slice(0, 200)}`);
}
