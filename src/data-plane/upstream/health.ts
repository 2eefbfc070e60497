// How each upstream is doing, learnt from real calls. One that fails again and again is set aside: a single call or probe at a time
// may try it, all others are refused at once with its last error, and nobody waits for a dead server.
import type { AppError, ErrorCode } from '#base/kernel';
import type { UpstreamHealth, UpstreamHealthView, UpstreamState } from '#base/protocol';

export interface HealthSettings {
  /** Failures in a row before an upstream is `down`; -1 never. */
  readonly threshold: number;
  /** A quiet upstream is probed after this long. */
  readonly probeIntervalMs: number;
}

interface Entry {
  state: UpstreamState;
  sinceMs: number;
  lastSeenMs: number;
  lastError: { code: string; message: string; remedy: string; atMs: number } | undefined;
  /** Of the last reading of its lists, which a call that goes well does not make undone. */
  readError: { code: string; message: string; remedy: string; atMs: number } | undefined;
  failures: number;
  /** A call is trying a `down` upstream. */
  isTrying: boolean;
  triedAtMs: number;
  nextProbeAtMs: number;
}

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 60_000;
/** A trial that never reports back must not keep everybody out. */
const TRIAL_MAX_MS = 10_000;

export class HealthBook implements UpstreamHealthView {
  readonly #entries = new Map<string, Entry>();
  readonly #settings: HealthSettings;

  constructor(settings: HealthSettings) {
    this.#settings = settings;
  }

  /** Undefined when a request may be sent; else why not, in words for the caller. */
  admit(id: string): string | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.state !== 'down') return undefined;
    const nowMs = Date.now();
    if (!entry.isTrying || nowMs - entry.triedAtMs > TRIAL_MAX_MS) {
      entry.isTrying = true;
      entry.triedAtMs = nowMs;
      return undefined;
    }
    return `${entry.lastError?.message ?? 'it failed several times'} It is being tried again.`;
  }

  succeeded(id: string): void {
    const entry = this.#entry(id);
    entry.lastSeenMs = Date.now();
    entry.isTrying = false;
    if (entry.state === 'ready') return;
    entry.failures = 0;
    entry.lastError = undefined;
    this.#become(entry, 'ready');
  }

  failed(id: string, error: AppError): void {
    const entry = this.#entry(id);
    const nowMs = Date.now();
    entry.isTrying = false;
    entry.failures++;
    entry.lastError = { code: error.code, message: error.message, remedy: remedyFor(error.code), atMs: nowMs };
    entry.nextProbeAtMs = nowMs + backoffMs(entry.failures);
    if (error.code === 'upstream.needs_auth') this.#become(entry, 'needs_auth');
    else if (this.#settings.threshold > 0 && entry.failures >= this.#settings.threshold) this.#become(entry, 'down');
    else if (entry.state !== 'down') this.#become(entry, 'degraded');
  }

  /** It answered, in its own protocol, that it failed: worth knowing, but no reason to keep its other callers away. */
  troubled(id: string, error: AppError): void {
    const entry = this.#entry(id);
    const nowMs = Date.now();
    entry.isTrying = false;
    entry.failures = 0;
    entry.lastSeenMs = nowMs;
    entry.lastError = { code: error.code, message: error.message, remedy: remedyFor(error.code), atMs: nowMs };
    entry.nextProbeAtMs = nowMs + backoffMs(1);
    this.#become(entry, 'degraded');
  }

  /**
   * A line that had stood broke. Whether the next one can be opened is another matter, and many clients may lose theirs at once:
   * it keeps nobody away.
   */
  broke(id: string, error: AppError): void {
    const entry = this.#entry(id);
    const nowMs = Date.now();
    entry.lastError = { code: error.code, message: error.message, remedy: remedyFor(error.code), atMs: nowMs };
    if (entry.state !== 'ready' && entry.state !== 'connecting') return;
    entry.nextProbeAtMs = nowMs + backoffMs(1);
    this.#become(entry, 'degraded');
  }

  /** A request ended without telling anything about the upstream. */
  released(id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.isTrying = false;
  }

  /** Forgets upstreams that are gone. */
  keepOnly(ids: { has(id: string): boolean }): void {
    for (const id of this.#entries.keys()) if (!ids.has(id)) this.#entries.delete(id);
  }

  /** Which of these should be probed now: the troubled ones after their back-off, the quiet ones now and then. */
  due(ids: Iterable<string>, nowMs: number): string[] {
    const due: string[] = [];
    for (const id of ids) {
      const entry = this.#entry(id);
      const isQuiet = nowMs - Math.max(entry.lastSeenMs, entry.triedAtMs) >= this.#settings.probeIntervalMs;
      if (entry.state === 'ready' ? isQuiet : nowMs >= entry.nextProbeAtMs) {
        entry.triedAtMs = nowMs;
        due.push(id);
      }
    }
    return due;
  }

  healthOf(id: string): UpstreamHealth {
    const entry = this.#entry(id);
    const lastError = entry.lastError ?? entry.readError;
    return {
      state: entry.state,
      since: new Date(entry.sinceMs).toISOString(),
      lastSeen: entry.lastSeenMs === 0 ? undefined : new Date(entry.lastSeenMs).toISOString(),
      lastError:
        lastError === undefined
          ? undefined
          : { code: lastError.code, message: lastError.message, remedy: lastError.remedy, at: new Date(lastError.atMs).toISOString() },
    };
  }

  noteRead(id: string, outcome: 'ready' | Error): void {
    const entry = this.#entry(id);
    entry.readError = undefined;
    if (outcome === 'ready') {
      this.succeeded(id);
      return;
    }
    const code = (outcome as Partial<AppError>).code ?? 'upstream.unreachable';
    const nowMs = Date.now();
    entry.readError = { code, message: outcome.message, remedy: remedyFor(code), atMs: nowMs };
    // It answers; that its lists are of no use is no reason to keep callers of what is known of it away.
    if (entry.state === 'ready' && (code === 'upstream.bad_answer' || code === 'upstream.too_large')) return;
    entry.failures = Math.max(1, this.#settings.threshold);
    entry.lastError = entry.readError;
    entry.nextProbeAtMs = nowMs + backoffMs(1);
    this.#become(entry, code === 'upstream.needs_auth' ? 'needs_auth' : 'down');
  }

  #entry(id: string): Entry {
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      entry = {
        state: 'connecting',
        sinceMs: Date.now(),
        lastSeenMs: 0,
        lastError: undefined,
        readError: undefined,
        failures: 0,
        isTrying: false,
        triedAtMs: 0,
        nextProbeAtMs: 0,
      };
      this.#entries.set(id, entry);
    }
    return entry;
  }

  #become(entry: Entry, state: UpstreamState): void {
    if (entry.state === state) return;
    entry.state = state;
    entry.sinceMs = Date.now();
  }
}

/** Doubles up to a minute, with a quarter of jitter so that many gateways do not knock at once. */
function backoffMs(failures: number): number {
  const base = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures - 1, 10));
  return base * (0.75 + Math.random() * 0.5);
}

const REMEDIES: Partial<Record<ErrorCode, string>> = {
  'upstream.unreachable': 'Check that the server runs and that the URL’s host and port are right.',
  'upstream.timeout': 'The server takes too long; see its log, or raise TOOL_TIMEOUT.',
  'upstream.needs_auth': 'Set auth_type and its fields with PUT /gateways/{id}.',
  'upstream.bad_answer': 'Check that the URL is the server’s MCP endpoint (often it ends in /mcp).',
  'upstream.connection_lost': 'The server closed the connection; see its log.',
  'upstream.session_lost': 'The server forgets sessions; see its log.',
  'upstream.not_started': 'Check the command, that it is installed and on the PATH, and its working directory.',
  'upstream.exited': 'Run the command by hand with the same arguments and environment; its last words say why it ends.',
  'upstream.command_refused': 'Allow the command with MCPGATEWAY_STDIO_COMMANDS.',
  'upstream.refused_by_guard': 'Allow the address with SSRF_ALLOWED_NETWORKS or SSRF_ALLOW_LOCALHOST, or register another URL.',
};

/** What to do about an upstream's last error, by its code. */
export function remedyFor(code: string): string {
  return REMEDIES[code as ErrorCode] ?? 'See the gateway’s log.';
}
