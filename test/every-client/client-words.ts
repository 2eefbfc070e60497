// What the test asks of a client in a process of its own and what it hears, one JSON object a line both ways, so that clients of any
// language play the same script. Unlike the peers of combined servers these say all an application sees, down to each field.
import type { Endpoint } from '../sessions/endpoint.ts';

/**
 * Of the TypeScript SDK: v1, v2 (a session, what it finds, 2026-07-28 only) and that of 2024 over HTTP+SSE. Of the Python SDK: 1.x, and
 * 2.x like v2. FastMCP's client takes what it finds unless told otherwise.
 */
export type ClientKind =
  | 'v1'
  | 'v2 legacy'
  | 'v2 auto'
  | 'v2 modern'
  | 'python 1'
  | 'python 2 legacy'
  | 'python 2 auto'
  | 'fastmcp'
  | 'fastmcp legacy'
  | '2024 over SSE';

export interface ClientJob {
  readonly kind: ClientKind;
  readonly endpoint: Endpoint;
}

export type ListedNoun = 'tools' | 'resources' | 'templates' | 'prompts';

/**
 * Each is the client's own method for it. `watch` subscribes to these resources, or listens for them in the era without sessions;
 * `until` waits for a notification of that method that has `text` in it, each being taken once; `told` is all notifications so far.
 */
export type ClientCall =
  | { readonly do: 'about' | 'unwatch' | 'told' }
  | { readonly do: 'list'; readonly what: ListedNoun }
  | { readonly do: 'call'; readonly name: string; readonly args: Readonly<Record<string, unknown>> }
  | { readonly do: 'prompt'; readonly name: string; readonly args: Readonly<Record<string, string>> }
  | { readonly do: 'read'; readonly uri: string }
  | { readonly do: 'complete'; readonly params: CompletionParams }
  | { readonly do: 'level'; readonly level: 'debug' }
  | { readonly do: 'watch'; readonly uris: readonly string[] }
  | { readonly do: 'until'; readonly method: string; readonly text: string };

export interface CompletionParams {
  readonly ref: { readonly type: string; readonly name?: string; readonly uri?: string };
  readonly argument: { readonly name: string; readonly value: string };
  readonly context?: { readonly arguments: Readonly<Record<string, string>> };
}

export interface Message {
  readonly method: string;
  readonly params: unknown;
}

/** `code` and `data` are those of the JSON-RPC error, when it was one. */
export interface Refusal {
  readonly message: string;
  readonly code?: number;
  readonly data?: unknown;
}

/** What came back, and what the client was asked and how far it was told the call is, while it waited. */
export interface ClientAnswer {
  readonly value?: unknown;
  readonly refusal?: Refusal;
  readonly asked: readonly Message[];
  readonly progress: readonly unknown[];
}

/** What the server says of itself. `isModern`: they speak the era without sessions. */
export interface About {
  readonly isModern: boolean;
  readonly serverInfo: unknown;
  readonly capabilities: unknown;
  readonly instructions: unknown;
}
