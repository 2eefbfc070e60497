// What the load process is told and what it tells back; both travel as one line of JSON.

/** Ids have a fixed width, so that a request's length never changes. */
export const ID_DIGITS = 9;
export const ID_PLACEHOLDER = '0'.repeat(ID_DIGITS);

/** In the POST of a client of HTTP+SSE: where the path belongs that its stream tells. */
export const ENDPOINT_PLACEHOLDER = '{endpoint}';

export interface LoadSpec {
  readonly port: number;
  /** A whole HTTP request with ID_PLACEHOLDER once. */
  readonly request: string;
  readonly connections: number;
  /** The whole GET that opens a stream: the load is clients of HTTP+SSE, and `request` has ENDPOINT_PLACEHOLDER for its path. */
  readonly open?: string;
  /** Not measured; the same calls. */
  readonly warmMs: number;
  /** Ends the measuring, as does `callsMax`, whichever comes first. */
  readonly measureMs: number;
  readonly callsMax?: number;
  /** The processes whose CPU time is taken at the start and the end of the measuring. */
  readonly watchedPids: readonly number[];
}

export interface LoadResult {
  /** Complete, correct answers. */
  readonly calls: number;
  /** Statuses other than 200, broken connections. */
  readonly errors: number;
  /** Answers with an id other than the call's. */
  readonly mismatches: number;
  readonly elapsedMs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** CPU time of the load itself while measuring. */
  readonly loadCpuMs: number;
  /** In the order of `watchedPids`. */
  readonly watchedCpuMs: readonly number[];
}
