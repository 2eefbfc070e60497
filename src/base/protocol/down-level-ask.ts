// What a server asks of a client of an older revision: in the words of that revision where there are any, and else answered in the
// client's place, the way the client itself would refuse it (protocol.md 2.5).
import type { Envelope } from './scan.ts';
import { blockType, olderBlock } from './older-content.ts';
import { LINKS_SINCE, TOOLS_IN_SAMPLING_SINCE } from './versions.ts';
import { jsonText, mapElements, mapMembers, parsedJson, removeMember, replaceAt, setMember, valueAt } from './splice.ts';

/** Either the request as the client can read it, or the whole response that the upstream gets instead. */
export type OlderAsk = { readonly ask: string } | { readonly reply: string };

const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
/** What a form could ask for before choices had titles. */
const PLAIN_TYPES: ReadonlySet<unknown> = new Set(['string', 'number', 'integer', 'boolean', undefined]);

/**
 * @param text a request of the server as latin1
 * @param version the legacy revision that the client has agreed upon
 */
export function downLevelAsk(text: string, { method, id = 'null' }: Pick<Envelope, 'method' | 'id'>, version: string): OlderAsk {
  if (version >= TOOLS_IN_SAMPLING_SINCE) return { ask: text };
  if (method === 'elicitation/create') return olderElicitation(text, id, version);
  if (method === 'sampling/createMessage') return olderSampling(text, id, version);
  return { ask: text };
}

function olderElicitation(text: string, id: string, version: string): OlderAsk {
  if (version < LINKS_SINCE) return refusal(id, METHOD_NOT_FOUND, 'Method not found', version);
  const mode = valueAt(text, ['params', 'mode']);
  if (mode !== undefined && mode !== '"form"') return refusal(id, INVALID_PARAMS, 'Elicitation by form is the only mode of this client', version);
  let isAskable = true;
  const ask = mapMembers(text, ['params', 'requestedSchema', 'properties'], (_, field) => {
    const type = memberOf(field, 'type');
    if (PLAIN_TYPES.has(type)) return titledChoice(field);
    isAskable = false;
    return undefined;
  });
  return isAskable ? { ask } : { reply: `{"jsonrpc":"2.0","id":${id},"result":{"action":"decline"}}` };
}

/** `oneOf` of constants with titles, as `enum` with `enumNames`. */
function titledChoice(field: string): string | undefined {
  const titles: string[] = [];
  const values: string[] = [];
  let isTitled = true;
  mapElements(field, ['oneOf'], (choice) => {
    const value = valueAt(choice, ['const']);
    if (value === undefined) isTitled = false;
    else {
      values.push(value);
      titles.push(valueAt(choice, ['title']) ?? value);
    }
    return undefined;
  });
  if (!isTitled || values.length === 0) return undefined;
  const plain = setMember(removeMember(field, ['oneOf']), ['enum'], `[${values.join(',')}]`);
  return setMember(plain, ['enumNames'], `[${titles.join(',')}]`);
}

function olderSampling(text: string, id: string, version: string): OlderAsk {
  const usesTools = refusal(id, INVALID_PARAMS, 'This client knows no tools in sampling', version);
  if (valueAt(text, ['params', 'tools']) !== undefined || valueAt(text, ['params', 'toolChoice']) !== undefined) return usesTools;
  let hasToolBlocks = false;
  const lowered = (block: string): string => {
    const type = blockType(block);
    hasToolBlocks ||= type === 'tool_use' || type === 'tool_result';
    return olderBlock(block, version, 'sampling') ?? block;
  };
  const ask = mapElements(text, ['params', 'messages'], (message) => {
    const content = valueAt(message, ['content']);
    if (content === undefined) return undefined;
    if (!content.startsWith('[')) return replaceAt(message, ['content'], lowered(content));
    const blocks: string[] = [];
    mapElements(content, [], (block) => {
      blocks.push(lowered(block));
      return undefined;
    });
    // A message had one block then; several become as many messages of the same role.
    const role = valueAt(message, ['role']) === '"assistant"' ? 'assistant' : 'user';
    const [first = '{"type":"text","text":""}', ...others] = blocks;
    return [replaceAt(message, ['content'], first), ...others.map((block) => `{"role":"${role}","content":${block}}`)].join(',');
  });
  return hasToolBlocks ? usesTools : { ask };
}

function refusal(id: string, code: number, what: string, version: string): OlderAsk {
  return { reply: `{"jsonrpc":"2.0","id":${id},"error":{"code":${code},"message":${jsonText(`${what} (MCP ${version}).`)}}}` };
}

function memberOf(text: string, name: string): unknown {
  const value = valueAt(text, [name]);
  return value === undefined ? undefined : parsedJson(value);
}
