/** Share of a word's letters that may differ before a suggestion is more puzzling than helpful. */
const MAX_DIFFERENT_SHARE = 0.5;

/** Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours, ignoring case. */
export function editDistance(left: string, right: string): number {
  const a = left.toLowerCase();
  const b = right.toLowerCase();
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const substitution = (last[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      let best = Math.min((last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, substitution);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1);
      }
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}

/** The name that was probably meant, or undefined where none is close; the first of equally close ones. */
export function nearestName(word: string, names: Iterable<string>): string | undefined {
  // Longer words cannot be near any name of ours, and the distance costs their product.
  if (word.length > 100) return undefined;
  let nearest: string | undefined;
  let nearestDistance = Infinity;
  for (const name of names) {
    const distance = editDistance(word, name);
    if (distance < nearestDistance && distance <= Math.max(word.length, name.length) * MAX_DIFFERENT_SHARE) {
      nearest = name;
      nearestDistance = distance;
    }
  }
  return nearest;
}
