// What a test asks of a client in a process of its own, and what it hears: one JSON object a line, both ways, so that clients of any
// language can be asked the same.

import type { Endpoint } from '../../sessions/endpoint.ts';

/** `list` reads all pages, `until` waits for a notification of that method, which may have come already; each is taken once. */
export type PeerCall =
  | { readonly do: 'list'; readonly what: 'tools' | 'resources' | 'templates' | 'prompts' }
  | { readonly do: 'call' | 'prompt'; readonly name: string; readonly args: Readonly<Record<string, unknown>> }
  | { readonly do: 'read' | 'subscribe'; readonly uri: string }
  | { readonly do: 'until'; readonly method: string }
  | { readonly do: 'asked' };

export type PeerAnswer = { readonly value: unknown } | { readonly error: string; readonly code?: number };

/** v2 and python negotiate a session, their modern ones find out by themselves what there is; 2024 has HTTP+SSE only. */
export type PeerKind = 'v1' | 'v2' | 'v2 modern' | '2024' | 'python' | 'python modern';

export interface PeerJob {
  readonly kind: PeerKind;
  readonly endpoint: Endpoint;
}
