// How every client of the matrix answers what it is asked: always the same, made of the question, so that an answer in the wrong place
// shows.
import type { Json } from './player.ts';

export const ROOTS = [{ uri: 'file:///home/matrix', name: 'matrix' }];

/** Thrown to answer with an error. */
export class Refused extends Error {}

const asObject = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});

function lastText(params: Json): string {
  const messages = Array.isArray(params['messages']) ? (params['messages'] as unknown[]) : [];
  const { content } = asObject(messages.at(-1));
  return String(asObject(Array.isArray(content) ? content[0] : content)['text']);
}

function fieldAnswer(key: string, schema: Json, message: string): unknown {
  if ('default' in schema) return schema['default'];
  const items = asObject(schema['items']);
  if (schema['type'] === 'array') return [fieldAnswer(key, items, message)];
  const choices = (schema['enum'] ?? schema['oneOf'] ?? schema['anyOf']) as unknown[] | undefined;
  if (choices !== undefined) return asObject(choices[0])['const'] ?? choices[0];
  if (schema['type'] === 'boolean') return true;
  if (schema['type'] === 'number' || schema['type'] === 'integer') return 1;
  return key === 'name' ? `named ${message}` : `my ${key}`;
}

function elicited(params: Json): Json {
  const message = String(params['message']);
  if (message.includes('decline')) return { action: 'decline' };
  if (message.includes('dismiss')) return { action: 'cancel' };
  if (params['mode'] === 'url') return { action: 'accept' };
  const properties = asObject(asObject(params['requestedSchema'])['properties']);
  return {
    action: 'accept',
    content: Object.fromEntries(Object.entries(properties).map(([key, schema]) => [key, fieldAnswer(key, asObject(schema), message)])),
  };
}

/**
 * The bare result to a question of the server.
 * @throws Refused when the client answers with an error
 */
export function answerTo(method: string, params: Json): Json {
  switch (method) {
    case 'ping':
      return {};
    case 'roots/list':
      return { roots: ROOTS };
    case 'elicitation/create':
      return elicited(params);
    case 'sampling/createMessage': {
      const text = lastText(params);
      if (text.includes('refuse')) throw new Refused('The user refused');
      return { role: 'assistant', content: { type: 'text', text: `sampled ${text}` }, model: 'matrix', stopReason: 'endTurn' };
    }
    default:
      throw new Refused(`Method not found: ${method}`);
  }
}
