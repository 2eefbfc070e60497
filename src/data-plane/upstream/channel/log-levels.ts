// The eight levels of MCP logging (RFC 5424), from the least to the most severe.
const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** Unknown levels rank as the most severe: nobody loses them. */
export function logRank(level: string): number {
  const rank = LEVELS.indexOf(level);
  return rank === -1 ? LEVELS.length : rank;
}

export function isLogLevel(level: string): boolean {
  return LEVELS.includes(level);
}
