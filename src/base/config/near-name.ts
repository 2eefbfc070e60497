// Finds the name somebody probably meant, so that a misspelt setting is not silently without effect.

const TOLERANCE = [
  { lengthMin: 10, edits: 2 },
  { lengthMin: 6, edits: 1 },
] as const;

/** The closest known name, if it is close enough to be a slip; very short names are too easily like others. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const wanted = name.toUpperCase();
  let best: { name: string; edits: number } | undefined;
  for (const candidate of known) {
    const edits = editsBetween(wanted, candidate.toUpperCase());
    const allowed = TOLERANCE.find((rule) => candidate.length >= rule.lengthMin)?.edits ?? 0;
    if (edits <= allowed && (best === undefined || edits < best.edits)) best = { name: candidate, edits };
  }
  return best?.name;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editsBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Number.POSITIVE_INFINITY;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let edits = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) edits = Math.min(edits, (beforeLast[j - 2] ?? 0) + 1);
      row.push(edits);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
