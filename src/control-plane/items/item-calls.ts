// What is asked of an item over REST goes to its upstream as any client's call does (decisions.md 29). This is what these routes need of
// the gateway, and what they make of what stands in the way.
import { AppError } from '#base/kernel';
import type { RouteContext } from '#control-plane/http-contract';

export type CallContext = Pick<RouteContext, 'headers' | 'clientAddress' | 'signal'>;

export interface ItemCalls {
  /** The URI by which clients of everything know a resource; undefined for one that is not there, or not yet. */
  uriOf(id: string): string | undefined;
  /**
   * One request in the name of this caller, to the server of everything.
   * @returns the result. Throws AppError: what the gateway refuses; `upstream.error` with `data.rpcCode` for what the upstream does
   */
  call(method: string, params: Readonly<Record<string, unknown>>, context: CallContext): Promise<Readonly<Record<string, unknown>>>;
}

/** Error statuses that such a route has because of the call. */
export const CALL_STATUSES = [404, 429, 502, 504] as const;

/** Throws AppError `<noun>.not_found` for what is switched off, `request.bad_input` for what is shown to other clients than REST. */
export function ensureUsable(
  noun: 'resource' | 'prompt',
  { enabled, needs }: { readonly enabled: boolean; readonly needs: readonly string[] },
): void {
  if (!enabled) throw new AppError(`${noun}.not_found`, `This ${noun} is inactive: it or its gateway is switched off.`);
  if (needs.length > 0)
    throw new AppError('request.bad_input', `id: this ${noun} is for MCP clients that can be asked for ${needs.join(', ')}; REST cannot.`);
}

/** The number of the JSON-RPC error with which the upstream refused; undefined for any other error. */
export function rpcCodeOf(error: unknown): number | null | undefined {
  if (!(error instanceof AppError) || error.code !== 'upstream.error') return undefined;
  const code = error.data?.['rpcCode'];
  return typeof code === 'number' ? code : null;
}

export function badResult(what: string): AppError {
  return new AppError('upstream.bad_answer', `The upstream answered without ${what}.`);
}
