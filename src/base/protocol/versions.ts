// The revisions of the protocol. The gateway offers each of them to its clients, whatever the upstream speaks (protocol.md 2.1). Dates
// compare as text.

/** Those with a handshake, oldest first. */
export const LEGACY_VERSIONS: readonly string[] = ['2024-10-07', '2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];

export function isLegacyVersion(version: string): boolean {
  return LEGACY_VERSIONS.includes(version);
}

/** First revision with audio blocks. */
export const AUDIO_SINCE = '2025-03-26';
/** First revision with resource links, structured output, elicitation, and the version header on every HTTP request. */
export const LINKS_SINCE = '2025-06-18';
/** First revision with elicitation by URL, titled and multiple choices, tools in sampling, and events that carry only an id. */
export const TOOLS_IN_SAMPLING_SINCE = '2025-11-25';

/** The newest of them. */
export const NEWEST_LEGACY_VERSION = '2025-11-25';

/** The revision without sessions, in which every request describes itself. */
export const MODERN_VERSION = '2026-07-28';
