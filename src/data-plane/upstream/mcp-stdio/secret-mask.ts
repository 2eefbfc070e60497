// A process is given secrets in its environment and may print them when it fails. What it printed goes into errors and logs, so
// the secrets are taken out first.

/** Shorter values are words like `true` or `debug`; hiding those would make texts unreadable. */
const SECRET_LENGTH_MIN = 6;
/** Longer secrets are looked for in pieces, so that a text cut anywhere needs only this much more to be judged. */
export const SECRET_PIECE_MAX = 512;

export class SecretMask {
  readonly #pattern: RegExp | undefined;

  /** @param values of environment variables; each line of one with several is a secret of its own */
  constructor(values: readonly string[]) {
    const secrets = new Set(
      values
        .flatMap((value) => [...value.split(/\r?\n/), JSON.stringify(value).slice(1, -1)])
        .flatMap(piecesOf)
        .filter((piece) => piece.length >= SECRET_LENGTH_MIN),
    );
    const longestFirst = [...secrets].sort((a, b) => b.length - a.length);
    this.#pattern = longestFirst.length === 0 ? undefined : new RegExp(longestFirst.map(escaped).join('|'), 'g');
  }

  /** @param end only what stands before this is given out; what stands behind it helps to know a secret that crosses it */
  hide(text: string, end = text.length): string {
    if (this.#pattern === undefined) return text.slice(0, end);
    const parts: string[] = [];
    let from = 0;
    for (const match of text.matchAll(this.#pattern)) {
      if (match.index >= end) break;
      parts.push(text.slice(from, match.index), '***');
      from = match.index + match[0].length;
    }
    if (from < end) parts.push(text.slice(from, end));
    return parts.join('');
  }
}

function piecesOf(secret: string): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < secret.length; at += SECRET_PIECE_MAX) pieces.push(secret.slice(at, at + SECRET_PIECE_MAX));
  return pieces;
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
