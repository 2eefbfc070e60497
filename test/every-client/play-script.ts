// The script that every client plays against server-everything: all it lists, each tool called, each resource read, each prompt got,
// right and wrong ones, with questions, progress, completions, subscriptions and log messages. What came of each step is the transcript.
import calls from '../sessions/everything-calls.json' with { type: 'json' };
import type { About, ClientAnswer, ClientCall, CompletionParams, ListedNoun, Message } from './client-words.ts';
import type { StartedClient } from './start-client.ts';

export interface Step extends ClientAnswer {
  readonly step: string;
}

export interface Transcript {
  readonly about: About;
  readonly steps: readonly Step[];
  /** All notifications by their method, in the order they came. */
  readonly told: Readonly<Record<string, readonly unknown[]>>;
}

type Arguments = Readonly<Record<string, unknown>>;

/** What a combined server does in its own way. */
export interface Manners {
  /** How it names a tool or prompt of server-everything. */
  readonly naming: (name: string) => string;
  /** Its lists are of what the gateway has read, not of what a session adds. */
  readonly hasOwnLists: boolean;
}

export const AS_UPSTREAM: Manners = { naming: (name) => name, hasOwnLists: false };

const NOUNS: readonly ListedNoun[] = ['tools', 'resources', 'templates', 'prompts'];
/** Played apart from the others: on and off again, and with progress. */
const TOGGLES = ['toggle-subscriber-updates', 'toggle-simulated-logging'];
const RESEARCH: readonly [string, Arguments] = ['simulate-research-query', { topic: 'gateways' }];
const TRIES_MAX = 50;
const LONG_RUN: readonly [string, Arguments] = ['trigger-long-running-operation', { duration: 0.2, steps: 4 }];

/** Plays all of it, with a client that has just connected. */
export async function playScript(client: StartedClient, { naming, hasOwnLists }: Manners): Promise<Transcript> {
  const steps: Step[] = [];
  const say = async (step: string, call: ClientCall): Promise<ClientAnswer> => {
    const answer = await client.ask(call);
    steps.push({ step, ...answer });
    return answer;
  };
  const callTool = (name: string, args: Arguments): Promise<ClientAnswer> =>
    say(`${name} ${JSON.stringify(args)}`, { do: 'call', name: naming(name), args });
  const about = (await client.ask({ do: 'about' })).value as About;
  /** In the era without sessions there is no stream for news that belong to no request, but the one it listens on. */
  const untilLogged = async (text: string): Promise<void> => {
    if (!about.isModern) await client.ask({ do: 'until', method: 'notifications/message', text });
  };

  await client.ask({ do: 'level', level: 'debug' });
  const listed: Partial<Record<ListedNoun, readonly Record<string, string>[]>> = {};
  for (const what of NOUNS) listed[what] = (await say(`list ${what}`, { do: 'list', what })).value as Record<string, string>[];
  const tools = new Set(listed.tools?.map(({ name }) => name));

  const isLast = ([, args]: readonly [string, Arguments]): boolean => args['prompt'] === 'refuse this';
  const tried = [...calls.tools, ...calls.wrongToolCalls, ...calls.wrongToolCalls.slice(-1), RESEARCH, LONG_RUN] as [string, Arguments][];
  const planned = tried.filter((call) => !isLast(call));
  for (const [name, args] of planned) {
    if (!tools.has(naming(name)) && name !== 'no-such-tool') continue;
    // It asks soon after a session has begun; behind a combined server that is when it is first called.
    if (name === 'get-roots-list') await untilLogged('Roots updated: 2');
    await callTool(name, args);
    if (name.startsWith('gzip') && !about.isModern && !hasOwnLists)
      await client.ask({ do: 'until', method: 'notifications/resources/list_changed', text: '' });
  }
  const known = new Set([...planned.map(([name]) => name), ...TOGGLES].map(naming));
  const forgotten = [...tools].filter((name) => name !== undefined && !known.has(name));
  if (forgotten.length > 0) throw new Error(`The script has no call of ${forgotten.join()}`);

  const uris = new Set([...(listed.resources ?? []).map(({ uri }) => uri ?? ''), ...calls.dynamicResources, ...calls.unknownResources]);
  for (const uri of uris) await say(`read ${uri}`, { do: 'read', uri });
  for (const [name, args] of [...calls.prompts, ...calls.wrongPrompts] as [string, Record<string, string>][])
    await say(`${name} ${JSON.stringify(args)}`, { do: 'prompt', name: naming(name), args });
  for (const params of [...calls.completions, ...calls.wrongCompletions] as CompletionParams[])
    await say(`complete ${JSON.stringify(params)}`, { do: 'complete', params: withNames(params, naming) });

  await say('watch', { do: 'watch', uris: calls.subscriptions });
  for (const uri of calls.subscriptions) await untilLogged(`Received Subscribe Resource request for URI: ${uri}`);
  await callTool('toggle-subscriber-updates', {});
  // It keeps for each session who wants to know; a client without one has none in which it could say so.
  if (!about.isModern) for (const text of calls.subscriptions) await client.ask({ do: 'until', method: 'notifications/resources/updated', text });
  await callTool('toggle-subscriber-updates', {});
  await say('unwatch', { do: 'unwatch' });
  for (const uri of calls.subscriptions) await untilLogged(`Received Unsubscribe Resource request: ${uri}`);
  await callTool('toggle-simulated-logging', {});
  await untilLogged('evel');
  await callTool('toggle-simulated-logging', {});
  if (about.isModern) await untilLoggedInCall(client, naming('toggle-simulated-logging'));
  // Without a session a refusal to sample has no words: the call stays open behind the gateway, and with it what the server keeps with it.
  for (const [name, args] of tried.filter(isLast)) if (tools.has(naming(name))) await callTool(name, args);

  const told: Record<string, unknown[]> = {};
  for (const { method, params } of (await client.ask({ do: 'told' })).value as Message[]) (told[method] ??= []).push(params);
  return { about, steps, told };
}

/**
 * The server logs on the stream of its session, which races with the answer of the call; what comes after that belongs to no request and
 * has no way to a client without a session. So it is switched on and off until a line was faster.
 */
async function untilLoggedInCall(client: StartedClient, name: string): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const told = (await client.ask({ do: 'told' })).value as Message[];
    if (told.some(({ method }) => method === 'notifications/message')) return;
    for (let turns = 0; turns < 2; turns++) await client.ask({ do: 'call', name, args: {} });
  }
  throw new Error('No line of the log came in any of the calls');
}

function withNames(params: CompletionParams, naming: Manners['naming']): CompletionParams {
  const { name } = params.ref;
  return name === undefined ? params : { ...params, ref: { ...params.ref, name: naming(name) } };
}
