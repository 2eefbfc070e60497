// How long to leave an upstream alone that only wants to be called again (`requestState` without questions, MCP 2026-07-28): longer each
// time, and not all callers at the same moment.
const FIRST_MS = 200;
const MAX_MS = 5000;
const WAITS_MAX = 20;

/** @param waits how often this call was put off before; @returns undefined when that is enough */
export function waitingPauseMs(waits: number): number | undefined {
  if (waits >= WAITS_MAX) return undefined;
  const pauseMs = Math.min(MAX_MS, FIRST_MS * 2 ** waits);
  return pauseMs * (0.5 + Math.random() / 2);
}
