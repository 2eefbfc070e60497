// Which arguments of a tool travel in headers too: read from the tool's own text once for each row, never for a call.
import { paramHeaders, toolParams, type ParamDeclarations, type ParamHeader } from '#base/protocol';
import type { ItemRow, UpstreamRow } from './snapshot-input.ts';

const NONE: ParamDeclarations = { params: [], fault: undefined };

const declarations = new WeakMap<ItemRow, ParamDeclarations>();

export function declaredParams(row: ItemRow): ParamDeclarations {
  if (row.kind !== 'tool') return NONE;
  let declared = declarations.get(row);
  if (declared === undefined) declarations.set(row, (declared = toolParams(row.json)));
  return declared;
}

/**
 * Adds the headers that a client did not send, since it knows of none or has no headers.
 * @param headers flat names and values
 * @param body the request as latin1
 */
export function addParamHeaders(headers: string[], upstream: Pick<UpstreamRow, 'headers'>, params: readonly ParamHeader[], body: string): void {
  const made = paramHeaders(params, body);
  for (let at = 0; at < made.length; at += 2) {
    const name = made[at] ?? '';
    const isSent = headers.some((each, index) => index % 2 === 0 && each === name);
    // Two of a name would leave it to the upstream which one counts.
    if (!isSent && !upstream.headers.some(([own]) => own.toLowerCase() === name)) headers.push(name, made[at + 1] ?? '');
  }
}
