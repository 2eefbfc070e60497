// Answers that the strict scan refuses – `"error": null` beside a result, no `jsonrpc`, an extra key that looks like one of ours –
// and that clients understand nevertheless, so that they pass. Nothing is decided by this reading but that the call is over.
import type { Envelope } from '#base/protocol';

/** What `readLoosely` sees of a response. */
type LooseResponse = Pick<Envelope, 'method' | 'id' | 'isError' | 'isToolError' | 'requestId'> & { readonly kind: 'response' };

/** @returns undefined when it is no answer */
export function readLoosely(text: string): LooseResponse | undefined {
  let message: { id?: unknown; method?: unknown; result?: { isError?: unknown } | null; error?: unknown } | null;
  try {
    message = JSON.parse(text) as typeof message;
  } catch {
    return undefined;
  }
  if (typeof message !== 'object' || message === null || message.method !== undefined) return undefined;
  const isError = (message.error ?? undefined) !== undefined;
  // Both, or neither: nobody could say what it means.
  if (isError ? (message.result ?? undefined) !== undefined : message.result === undefined) return undefined;
  return {
    kind: 'response',
    method: '',
    requestId: undefined,
    id: JSON.stringify(message.id),
    isError,
    isToolError: message.result?.isError === true,
  };
}
