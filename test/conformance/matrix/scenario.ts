// A scenario: one thing a client can do with a server, and what it must see; played in every cell in which it means something.
import type { Cell, Era, Revision, ServerKind } from './revisions.ts';
import { eraOf } from './revisions.ts';
import type { Stage } from './stage.ts';

export interface Needs {
  /** The oldest revision of a client that knows it. */
  readonly client?: Revision;
  /** The oldest revision of an upstream that knows it. */
  readonly upstream?: Revision;
  readonly clientEra?: Era;
  readonly upstreamEra?: Era;
  readonly kind?: ServerKind;
  /** The client's transport; HTTP+SSE is that of 2024-11-05. */
  readonly isOverStreamableHttp?: true;
}

export interface Scenario {
  /** Kebab case, unique. */
  readonly id: string;
  readonly topic: string;
  /** What must be so, as a sentence. */
  readonly says: string;
  readonly needs?: Needs;
  /** Throws what is not so. */
  play(stage: Stage): Promise<void>;
}

export function applies({ needs = {} }: Scenario, cell: Cell): boolean {
  const { client, upstream, clientEra, upstreamEra, kind, isOverStreamableHttp } = needs;
  return (
    (client === undefined || cell.client >= client) &&
    (upstream === undefined || cell.upstream >= upstream) &&
    (clientEra === undefined || eraOf(cell.client) === clientEra) &&
    (upstreamEra === undefined || eraOf(cell.upstream) === upstreamEra) &&
    (kind === undefined || cell.kind === kind) &&
    (isOverStreamableHttp === undefined || cell.client > '2024-11-05')
  );
}
