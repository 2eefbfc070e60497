// Brings two sights into the same words before they are compared: what a combined server names and orders in its own way, and the fields
// that one era has and the other has not. What is not named here is compared as it is.
import type { Fields, SeenStep, Sight } from './sight.ts';
import type { Front } from './unlike.ts';

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Of a sight through a server that combines the upstream `gateway` alone, as of the upstream itself. */
export function ofTheUpstream({ about, steps, told }: Sight, gateway: string): Sight {
  const prefix = `${gateway}-`;
  const unnamed = (item: unknown): unknown =>
    isFields(item) && typeof item['name'] === 'string' && item['name'].startsWith(prefix)
      ? { ...item, name: item['name'].slice(prefix.length) }
      : item;
  const step = (seen: SeenStep): SeenStep => ({
    ...seen,
    ...(Array.isArray(seen.value) ? { value: seen.value.map(unnamed) } : {}),
    // What an SDK says itself of a tool.
    ...(seen.refusal === undefined ? {} : { refusal: { ...seen.refusal, message: seen.refusal.message.replace(prefix, '') } }),
  });
  const loggers = (params: Fields): Fields => {
    const { logger, ...rest } = params;
    return logger === gateway ? rest : { ...rest, logger: String(logger).replace(`${gateway}/`, '') };
  };
  const instructions = typeof about.instructions === 'string' ? `${about.instructions.replace(`## ${gateway}\n\n`, '')}\n` : about.instructions;
  return {
    about: { ...about, instructions },
    steps: mapped(steps, step),
    told: mapped(told, (all, method) => (method === 'notifications/message' ? all.map(loggers) : all)),
  };
}

/** A copy without what says nothing about what this client sees this way, to be applied to both sides. */
export function inTheSameWords(sight: Sight, { isCombined, isAcrossEras }: Front): Sight {
  const ofOneEra = isAcrossEras ? withoutEra(sight) : sight;
  const { about, steps, told } = isCombined ? withoutOwnManners(ofOneEra) : ofOneEra;
  return { about, steps: { ...steps }, told };
}

/** Without what a combined server is not meant to have of its upstream: who it is, the order of its lists, what a session adds to them. */
function withoutOwnManners({ about, steps, told }: Sight): Sight {
  const { tasks: _tasks, ...capabilities } = about.capabilities;
  const { 'notifications/resources/list_changed': _changed, 'notifications/tools/list_changed': _tools, ...heard } = told;
  const step = (seen: SeenStep, label: string): SeenStep => (label.startsWith('list ') ? { ...seen, value: sorted(seen.value as Fields[]) } : seen);
  return { about: { ...about, serverInfo: null, capabilities }, steps: mapped(steps, step), told: heard };
}

/**
 * Fields of the newer era's results, and of the older era's tools (2025-11-25, "Tasks") and questions (`elicitationId`). Tokens count
 * requests, and there are more of them when questions are answered with one.
 */
const OF_ONE_ERA = new Set([
  'resultType',
  'ttlMs',
  'cacheScope',
  'execution',
  'elicitationId',
  'progressToken',
  'io.modelcontextprotocol/serverInfo',
]);
/** Said on the stream of a session, or not at all. */
const OF_A_SESSION = ['notifications/resources/updated', 'notifications/resources/list_changed', 'notifications/tools/list_changed'];

/** Without what only one of the eras has. */
function withoutEra({ about, steps, told }: Sight): Sight {
  const { tasks: _tasks, extensions: _extensions, ...capabilities } = about.capabilities;
  const heard = Object.fromEntries(Object.entries(told).filter(([method]) => !OF_A_SESSION.includes(method)));
  // The server says the others outside any call; how many are heard of those in calls depends on how fast they are.
  const lines = heard['notifications/message']?.filter(({ data }) => String(data).startsWith('<any level>')).slice(0, 1);
  return {
    about: { ...about, isModern: false, capabilities },
    steps: mapped(steps, (seen) => withoutFields(seen) as SeenStep),
    told: { ...(withoutFields(heard) as Sight['told']), ...(lines === undefined ? {} : { 'notifications/message': lines }) },
  };
}

function withoutFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutFields);
  if (!isFields(value)) return value;
  const fields = Object.entries(value)
    .filter(([name]) => !OF_ONE_ERA.has(name))
    .map(([name, field]) => [name, withoutFields(field)] as const)
    .filter(([name, field]) => name !== '_meta' || Object.keys(field as object).length > 0);
  return Object.fromEntries(fields);
}

function sorted(items: readonly Fields[]): Fields[] {
  const key = ({ name, uri, uriTemplate }: Fields): string => JSON.stringify([name, uri, uriTemplate]);
  return items.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

function mapped<T, U>(record: Readonly<Record<string, T>>, change: (value: T, key: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
