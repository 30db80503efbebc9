/** Two decimals where a difference is small enough to need them: `1.84`, `4.2`. */
export function ratioText(ratio: number): string {
  return ratio.toFixed(digitsOf(ratio));
}

/** The ends of a ratio's interval in the digits of the ratio itself: `4.1-4.2`. */
export function intervalText(ratio: number, [low, high]: readonly [number, number]): string {
  const digits = digitsOf(ratio);
  return `${low.toFixed(digits)}-${high.toFixed(digits)}`;
}

const digitsOf = (ratio: number): number => (ratio < 2 ? 2 : 1);
