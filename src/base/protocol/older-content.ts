// Content blocks that a client of an older revision does not know, in the words of its own: the unions of early clients are strict,
// and one unknown block makes them refuse the whole result (protocol.md 2.5).
import { AUDIO_SINCE, LINKS_SINCE } from './versions.ts';
import { jsonText, parsedJson, removeMember, replaceAt, setMember, valueAt } from './splice.ts';

/** Embedded resources need a URI; sound that has come inside a result has none. */
const AUDIO_URI = '"urn:mcpgateway:audio"';
/** What a text block may have as well. */
const KEPT_WITH_TEXT = ['annotations', '_meta'] as const;

/** @returns the block's `type`; undefined when it is no block */
export function blockType(block: string): unknown {
  return parsed(valueAt(block, ['type']));
}

/**
 * @param where results may embed resources; messages for sampling may not
 * @returns the block in the words of this revision, undefined when they are the same
 */
export function olderBlock(block: string, version: string, where: 'result' | 'sampling'): string | undefined {
  const type = blockType(block);
  if (type === 'audio' && version < AUDIO_SINCE) return where === 'result' ? embeddedAudio(block) : audioNote(block);
  if (type === 'resource_link' && version < LINKS_SINCE) return linkAsText(block);
  return undefined;
}

function embeddedAudio(block: string): string {
  const mimeType = valueAt(block, ['mimeType']);
  const type = mimeType === undefined ? '' : `"mimeType":${mimeType},`;
  const resource = `{"uri":${AUDIO_URI},${type}"blob":${valueAt(block, ['data']) ?? '""'}}`;
  const rest = removeMember(removeMember(block, ['data']), ['mimeType']);
  return setMember(replaceAt(rest, ['type'], '"resource"'), ['resource'], resource);
}

function audioNote(block: string): string {
  const mimeType = parsed(valueAt(block, ['mimeType']));
  return textBlock(block, typeof mimeType === 'string' ? `[audio: ${mimeType}]` : '[audio]');
}

function linkAsText(block: string): string {
  const word = (name: string): string | undefined => {
    const value = parsed(valueAt(block, [name]));
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const title = word('title') ?? word('name');
  const mimeType = word('mimeType');
  const line = [title === undefined ? undefined : `${title}:`, word('uri'), mimeType === undefined ? undefined : `(${mimeType})`];
  const text = [line.filter((part) => part !== undefined).join(' '), word('description')].filter((part) => part !== undefined).join('\n');
  return textBlock(block, text);
}

/** @param from the block that it stands for */
function textBlock(from: string, text: string): string {
  const kept = KEPT_WITH_TEXT.flatMap((name) => {
    const value = valueAt(from, [name]);
    return value === undefined ? [] : `,"${name}":${value}`;
  });
  return `{"type":"text","text":${jsonText(text)}${kept.join('')}}`;
}

function parsed(text: string | undefined): unknown {
  return text === undefined ? undefined : parsedJson(text);
}
