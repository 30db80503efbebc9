/**
 * How often the sampler reads everything, milliseconds. At 250 ms it costs some 5 ms of CPU per second on a machine with
 * two cores (`node scripts/measure-sampler.ts`), about 0.5 % of a client that keeps one core busy, and a trial of one
 * second still holds four samples.
 */
export const DEFAULT_SAMPLE_INTERVAL_MS = 250;
