/**
 * How often the sampler reads everything, milliseconds. At 250 ms it costs some 5 ms of CPU per second on a machine with
 * two cores (the diagnostics of test/metrics/sampler.test.ts say so), and `ss` 2 to 3 ms more: under 1 % of a client that
 * keeps one core busy. A trial of one second still holds four samples.
 */
export const DEFAULT_SAMPLE_INTERVAL_MS = 250;
