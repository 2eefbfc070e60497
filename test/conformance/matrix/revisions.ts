// The axes of the matrix: what a client speaks, what an upstream speaks, how it is reached, and through which kind of server.

/** The oldest first; comparable as text. */
export const REVISIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'] as const;
export type Revision = (typeof REVISIONS)[number];

export const MODERN: Revision = '2026-07-28';

export type Era = 'legacy' | 'modern';

export function eraOf(revision: Revision): Era {
  return revision === MODERN ? 'modern' : 'legacy';
}

export const TRANSPORTS = ['streamable HTTP', 'HTTP+SSE', 'stdio'] as const;
export type UpstreamTransport = (typeof TRANSPORTS)[number];

export const SERVER_KINDS = ['mirror', 'combined'] as const;
export type ServerKind = (typeof SERVER_KINDS)[number];

/** One cell: a client of one revision in front of an upstream of one revision. */
export interface Cell {
  readonly client: Revision;
  readonly upstream: Revision;
  readonly transport: UpstreamTransport;
  readonly kind: ServerKind;
}

/** HTTP+SSE is of the session era: no server of 2026-07-28 is reached that way. */
export function exists({ upstream, transport }: Pick<Cell, 'upstream' | 'transport'>): boolean {
  return transport !== 'HTTP+SSE' || upstream !== MODERN;
}
