// What clients that are asked look for in a message: whose question it is, what the call was answered.
import { textAsked, type Plan } from './question.ts';

export type Json = Record<string, unknown>;

/** Throws when this is no answer to that call, or an error. */
export function echoesOf(answer: Json, id: unknown): string[] {
  const text = (answer['result'] as { content?: { text?: string }[] } | undefined)?.content?.[0]?.text;
  if (answer['id'] !== id || text === undefined) throw new Error(`The call ${JSON.stringify(id)} got ${JSON.stringify(answer)}`);
  return JSON.parse(text) as string[];
}

export function isFor(plan: Plan, message: Json): boolean {
  return textAsked(message).startsWith(`${plan.nonce} `);
}
