/** Above this many degrees of freedom t and normal quantiles agree to four digits, and the finite sum becomes long. */
const LARGE_DEGREES = 10_000;

/**
 * Probability that |T| stays below `t` for a whole number of degrees of freedom, by the finite trigonometric sums of
 * Abramowitz and Stegun, 26.7.3 (odd) and 26.7.4 (even).
 */
function centralProbability(t: number, degrees: number): number {
  const angle = Math.atan(t / Math.sqrt(degrees));
  const cosine = Math.cos(angle);
  const isOdd = degrees % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let step = isOdd ? 3 : 2; step <= degrees - 2; step += 2) {
    term *= ((step - 1) / step) * cosine ** 2;
    sum += term;
  }
  return isOdd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
}

/**
 * The t that a Student variable with `degrees` of freedom (a whole number of at least 1) exceeds in size with probability
 * 1 - `confidence`: `twoSidedT(0.95, 4)` is 2.776. `confidence` lies between 0 and 1, both excluded.
 */
export function twoSidedT(confidence: number, degrees: number): number {
  if (!(confidence > 0 && confidence < 1)) throw new RangeError(`confidence must lie between 0 and 1: ${confidence}`);
  if (!Number.isInteger(degrees) || degrees < 1) throw new RangeError(`degrees of freedom must be whole: ${degrees}`);
  const finite = Math.min(degrees, LARGE_DEGREES);
  let low = 0;
  let high = 1;
  while (centralProbability(high, finite) < confidence) high *= 2;
  // 60 halvings exhaust the digits of a double whatever the start.
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (centralProbability(middle, finite) < confidence) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
