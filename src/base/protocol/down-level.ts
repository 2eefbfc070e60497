// Results as a client of an older revision can read them. Only the spans that are newer than the client are put in other words;
// unknown fields pass, since every revision lets them (protocol.md 2.5).
import { isDeepStrictEqual } from 'node:util';
import { AUDIO_SINCE, LINKS_SINCE } from './versions.ts';
import { olderBlock } from './older-content.ts';
import { isObjectSchema, wrapSchema, wrapValue } from './output-schema.ts';
import { appendElement, jsonText, mapElements, parsedJson, replaceAt, setMember, valueAt } from './splice.ts';

/** What has to be known of a client to word results for it. */
export interface OlderClient {
  /** The legacy revision it has agreed upon. */
  readonly version: string;
  /** Tools whose output schema it was shown with an object around it, by name: their values need the same. */
  readonly wrappedTools: Set<string>;
}

const WRAPPED_TOOLS_MAX = 10_000;
const WORDED_METHODS: ReadonlySet<string> = new Set(['tools/list', 'tools/call', 'prompts/get']);

/** Can the results of this method hold anything that is newer than a client? */
export function hasNewerContent(method: string): boolean {
  return WORDED_METHODS.has(method);
}

/**
 * @param text a response as latin1
 * @param request the method it answers, and the name of the tool that was called
 * @returns the very same text when nothing in it is newer than the client
 * Throws AppError `request.malformed_json` when the text is not JSON.
 */
export function downLevelResult(text: string, request: { readonly method: string; readonly name: string | undefined }, client: OlderClient): string {
  switch (request.method) {
    case 'tools/list':
      return text.includes('"outputSchema"') ? mapElements(text, ['result', 'tools'], (tool) => olderTool(tool, client)) : text;
    case 'tools/call':
      return olderOutput(olderContent(text, ['result', 'content'], client.version), request.name, client);
    case 'prompts/get':
      if (!mayHaveNewerBlocks(text, client.version)) return text;
      return mapElements(text, ['result', 'messages'], (message) => olderMessage(message, client.version));
    default:
      return text;
  }
}

function olderTool(tool: string, client: OlderClient): string | undefined {
  const schema = valueAt(tool, ['outputSchema']);
  const nameText = valueAt(tool, ['name']);
  const said = nameText === undefined ? undefined : parsedJson(nameText);
  const name = typeof said === 'string' ? said : '';
  if (schema === undefined || isObjectSchema(schema)) {
    client.wrappedTools.delete(name);
    return undefined;
  }
  if (client.wrappedTools.size < WRAPPED_TOOLS_MAX) client.wrappedTools.add(name);
  return replaceAt(tool, ['outputSchema'], wrapSchema(schema));
}

/** `structuredContent` as an object, and for clients that do not know it as text too. */
function olderOutput(text: string, toolName: string | undefined, client: OlderClient): string {
  const path = ['result', 'structuredContent'];
  const value = text.includes('"structuredContent"') ? valueAt(text, path) : undefined;
  if (value === undefined) return text;
  const isWrapped = !value.startsWith('{') || (toolName !== undefined && client.wrappedTools.has(toolName));
  const worded = isWrapped ? replaceAt(text, path, wrapValue(value)) : text;
  return client.version < LINKS_SINCE ? withTextOf(value, worded) : worded;
}

/** A text block with this JSON, unless there is one already. */
function withTextOf(value: string, text: string): string {
  const content = ['result', 'content'];
  const wanted = parsedJson(value);
  let isThere = false;
  mapElements(text, content, (block) => {
    isThere ||= saysJson(valueAt(block, ['text']), wanted);
    return undefined;
  });
  if (isThere) return text;
  const block = `{"type":"text","text":${jsonText(Buffer.from(value, 'latin1').toString('utf8'))}}`;
  return valueAt(text, content) === undefined ? setMember(text, content, `[${block}]`) : appendElement(text, content, block);
}

function saysJson(text: string | undefined, wanted: unknown): boolean {
  const said = text === undefined ? undefined : parsedJson(text);
  if (typeof said !== 'string') return false;
  try {
    return isDeepStrictEqual(JSON.parse(said), wanted);
  } catch {
    return false;
  }
}

function olderContent(text: string, path: readonly string[], version: string): string {
  if (!mayHaveNewerBlocks(text, version)) return text;
  return mapElements(text, path, (block) => olderBlock(block, version, 'result'));
}

/** One message of a prompt: its content is one block. */
function olderMessage(message: string, version: string): string | undefined {
  const content = valueAt(message, ['content']);
  const worded = content === undefined ? undefined : olderBlock(content, version, 'result');
  return worded === undefined ? undefined : replaceAt(message, ['content'], worded);
}

/** A look that costs next to nothing, and spares most results the rest. */
function mayHaveNewerBlocks(text: string, version: string): boolean {
  return (version < LINKS_SINCE && text.includes('"resource_link"')) || (version < AUDIO_SINCE && text.includes('"audio"'));
}
