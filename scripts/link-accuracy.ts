// What the userland link emulator does beside what it is asked for, as a table: round trips, jitter, rates, connections
// that share, its CPU cost and its ceiling. Takes about 40 s; wants a machine that does nothing else, and says how busy
// it was. `node scripts/link-accuracy.ts`
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';

import { monotonicClock } from '../src/clock/monotonic.ts';
import { measureRate, measureRoundTrip, measureTransferRate } from '../src/link/calibrate.ts';
import type { LinkCalls } from '../src/link/control.ts';
import type { LinkSettings } from '../src/model/environment.ts';
import { metricValue } from '../src/model/metric.ts';
import { entryUrl, ServiceProcess } from '../src/process/service-process.ts';

const ROUND_TRIPS_MS = [0, 0.2, 1, 5, 25, 40, 100];
const RATES_MBIT = [100, 1000, 2500, 10_000];
const BYTES_PER_MBIT = 125_000;
/** USER_HZ, fixed at 100 in the Linux ABI (proc(5), /proc/pid/stat). */
const TICKS_PER_SECOND = 100;

const clock = monotonicClock();
const { signal } = new AbortController();
await using relay = await ServiceProcess.start<LinkCalls>('link', entryUrl('../src/link/main', import.meta.url));

/** User and system time of the emulator's process, seconds; NaN where there is no /proc. */
function relayCpuSeconds(): number {
  try {
    const fields = readFileSync(`/proc/${relay.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return NaN;
  }
}

/** Runs a measurement; returns its result, and the emulator's cores in use and GB per CPU-second meanwhile. */
async function costing<Result>(
  measure: () => Promise<Result>,
): Promise<{ result: Result; cores: string; gbPerCpuSecond: string }> {
  await relay.call('resetCounters');
  const [startedMs, startedCpu] = [clock.now(), relayCpuSeconds()];
  const result = await measure();
  const cpuSeconds = relayCpuSeconds() - startedCpu;
  const { bytesToClient } = await relay.call('counters');
  return {
    result,
    cores: (cpuSeconds / ((clock.now() - startedMs) / 1000)).toFixed(2),
    gbPerCpuSecond: (bytesToClient / 1e9 / cpuSeconds).toFixed(2),
  };
}

async function setLink(settings: Partial<LinkSettings>): Promise<LinkSettings> {
  const link = { roundTripMs: 0, jitterMs: 0, ...settings };
  await relay.call('setLink', link);
  return link;
}

async function roundTrips(): Promise<void> {
  const rows = [];
  for (const roundTripMs of ROUND_TRIPS_MS) {
    await setLink({ roundTripMs });
    const { median, p95, samples } = await measureRoundTrip({ relay, roundTripMs, clock, signal });
    rows.push({
      'asked ms': roundTripMs,
      median: median.toFixed(3),
      p95: p95.toFixed(3),
      'median - asked': (median - roundTripMs).toFixed(3),
      samples,
    });
  }
  console.table(rows);
}

async function jitter(): Promise<void> {
  await setLink({ roundTripMs: 20, jitterMs: 4 });
  const { median, p95, samples } = await measureRoundTrip({ relay, roundTripMs: 20, clock, signal, samples: 100 });
  // The sum of two uniform delays of 6 to 14 ms is triangular over 12 to 28 ms: its quantile 0.95 is 28 - 8 * sqrt(0.1).
  console.table([
    { asked: '20 ms, +-4 ms each way', median: median.toFixed(2), 'p95 (25.47 expected)': p95.toFixed(2), samples },
  ]);
}

async function rates(): Promise<void> {
  const rows = [];
  for (const roundTripMs of [0, 1, 40]) {
    for (const mbit of RATES_MBIT) {
      const link = await setLink({ roundTripMs, rateBytesPerSecond: mbit * BYTES_PER_MBIT });
      const { result, cores, gbPerCpuSecond } = await costing(() => measureRate({ relay, link, clock, signal }));
      const achieved = (metricValue(result) ?? NaN) / BYTES_PER_MBIT;
      rows.push({
        'round trip ms': roundTripMs,
        'asked Mbit/s': mbit,
        'Mbit/s': achieved.toFixed(1),
        'off by %': ((achieved / mbit - 1) * 100).toFixed(2),
        cores,
        gbPerCpuSecond,
      });
    }
  }
  console.table(rows);
}

async function sharing(): Promise<void> {
  const rows = [];
  for (const [rate, connectionRate, connections] of [
    [1000, undefined, 1],
    [1000, undefined, 2],
    [1000, undefined, 8],
    [1000, 300, 1],
    [1000, 300, 2],
    [1000, 300, 4],
    [undefined, 300, 4],
  ] as const) {
    await setLink({
      roundTripMs: 5,
      ...(rate === undefined ? {} : { rateBytesPerSecond: rate * BYTES_PER_MBIT }),
      ...(connectionRate === undefined ? {} : { connectionRateBytesPerSecond: connectionRate * BYTES_PER_MBIT }),
    });
    const total = await measureTransferRate({ relay, clock, signal }, { connections, windowMs: 500 });
    const expected = Math.min(rate ?? Infinity, (connectionRate ?? Infinity) * connections);
    const achieved = (metricValue(total) ?? NaN) / BYTES_PER_MBIT;
    rows.push({
      'rate Mbit/s': rate ?? 'none',
      'per connection': connectionRate ?? 'none',
      connections,
      expected,
      'Mbit/s together': achieved.toFixed(1),
    });
  }
  console.table(rows);
}

async function ceiling(): Promise<void> {
  const rows = [];
  for (const roundTripMs of [0, 5, 40]) {
    await setLink({ roundTripMs });
    const { result, cores, gbPerCpuSecond } = await costing(() =>
      measureTransferRate({ relay, clock, signal }, { connections: 1, windowMs: 2000 }),
    );
    const rate = ((metricValue(result) ?? NaN) / 1e9).toFixed(2);
    rows.push({
      'round trip ms': roundTripMs,
      rate: 'none',
      'GB/s': rate,
      cores,
      gbPerCpuSecond,
      'CPU-s per GB': (1 / Number(gbPerCpuSecond)).toFixed(2),
    });
  }
  console.table(rows);
}

const load = (): string =>
  loadavg()
    .map((value) => value.toFixed(2))
    .join(' ');
console.log(`load average at the start: ${load()}`);
console.log('\nRound trips of a plain TCP echo');
await roundTrips();
console.log('Jitter');
await jitter();
console.log('Rates, one connection, server to client');
await rates();
console.log('Connections that share');
await sharing();
console.log('No rate: the ceiling of the emulator and its cost');
await ceiling();
console.log(`load average at the end: ${load()}`);
