// The port through which the control plane asks an upstream what it is and what it offers: at registration, after a change of
// address or credentials, and on request. The adapter is data-plane/upstream; no call of a client ever takes this path.

/** How an upstream is spoken to: streamable HTTP, the HTTP+SSE pair of 2024-11-05, or a process of its own (stdio). */
export type UpstreamTransport = 'STREAMABLEHTTP' | 'SSE' | 'STDIO';

/** A program the gateway starts and speaks to over its stdin and stdout. Never run through a shell. */
export interface ProcessSpec {
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the allow-listed part of the gateway's own environment. May hold secrets in the clear: never log it. */
  readonly env: Readonly<Record<string, string>>;
  /** Working directory; undefined for the gateway's own. */
  readonly cwd: string | undefined;
}

/** Where an upstream is and how to open it. Headers and environment hold credentials in the clear: never log one of these. */
export interface UpstreamTarget {
  readonly id: string;
  readonly name: string;
  /** Undefined: to be found out, first streamable HTTP and then HTTP+SSE (MCP 2025-11-25 "Backwards compatibility"). */
  readonly transport: UpstreamTransport | undefined;
  /** '' for STDIO. */
  readonly url: string;
  /** Only for STDIO. */
  readonly process: ProcessSpec | undefined;
  /** Header name and value pairs to send with every request. */
  readonly headers: readonly (readonly [string, string])[];
}

/** What an upstream's lists hold. `template` is a resource template. */
export type ItemKind = 'tool' | 'resource' | 'template' | 'prompt';

/** A capability that a client declares and without which an upstream may hide something. */
export type ClientNeed = 'sampling' | 'elicitation' | 'roots' | 'tasks';

/** One entry of an upstream's lists, as it wrote it. */
export interface ReadItem {
  readonly kind: ItemKind;
  /** The upstream's own key: the name of a tool or prompt, the URI of a resource, the URI template of a template. */
  readonly key: string;
  /** `name` as the upstream gives it; for tools and prompts the same as `key`. */
  readonly name: string;
  readonly title: string | undefined;
  readonly description: string | undefined;
  /** Its original JSON text. */
  readonly json: string;
  /** The smallest set of client capabilities with which the upstream shows it (decisions.md 4). */
  readonly needs: readonly ClientNeed[];
}

/** An entry that is not taken over, or that some clients have to leave out; under a name that can be shown. */
export interface SkippedItem {
  readonly kind: ItemKind;
  readonly name: string;
  readonly reason: string;
}

/** One thing the reading tried, for the error text: what worked and what did not. */
export interface ReadStep {
  readonly step: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface UpstreamDescription {
  /** The one that answered. */
  readonly transport: UpstreamTransport;
  /** The newest revision the upstream answered in. */
  readonly protocolVersion: string;
  /** Both can be true: an upstream may speak both eras on one endpoint. */
  readonly modern: boolean;
  readonly legacy: boolean;
  readonly serverInfo: unknown;
  readonly capabilities: unknown;
  readonly instructions: string | undefined;
  /** All its lists hold; an item that every client is shown has no needs. */
  readonly items: readonly ReadItem[];
  /** Items left out, each with the reason (hostile names, no name, duplicate, too large, headers ill declared). */
  readonly skipped: readonly SkippedItem[];
  readonly steps: readonly ReadStep[];
}

export interface UpstreamReader {
  /**
   * Finds the era, opens the upstream and reads its lists (all pages).
   * Throws AppError `upstream.unreachable`, `upstream.needs_auth`, `upstream.refused_by_guard`, `upstream.bad_answer` or
   * `upstream.timeout`; its `data.steps` is a ReadStep[] and its message names the step that failed and what to do.
   */
  read(target: UpstreamTarget, signal?: AbortSignal): Promise<UpstreamDescription>;
  /**
   * Refuses an address the outbound guard would refuse, or a command that is not allowed, without connecting or starting anything.
   * Throws `upstream.refused_by_guard`, `upstream.command_refused` or `upstream.unreachable` (a name that does not resolve).
   */
  check(target: Pick<UpstreamTarget, 'transport' | 'url' | 'process'>): Promise<void>;
}

export type UpstreamState = 'connecting' | 'ready' | 'needs_auth' | 'degraded' | 'down';

/** Live state, kept in memory only: health writes no row (decisions.md 18). */
export interface UpstreamHealth {
  readonly state: UpstreamState;
  /** ISO time of the last change of state. */
  readonly since: string;
  readonly lastSeen: string | undefined;
  readonly lastError: { readonly code: string; readonly message: string; readonly remedy: string; readonly at: string } | undefined;
}

export interface UpstreamHealthView {
  /** Unknown ids are `connecting`. */
  healthOf(upstreamId: string): UpstreamHealth;
  /** What a reading by the control plane has just found, so that states agree with it. */
  noteRead(upstreamId: string, outcome: 'ready' | Error): void;
}
