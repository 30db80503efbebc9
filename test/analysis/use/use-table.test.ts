import assert from 'node:assert/strict';
import { test } from 'node:test';

import { useTable } from '../../../src/analysis/use/use-table.ts';
import { metric, unavailable, type UseRow } from '../../../src/model/metric.ts';
import type { SampleTable } from '../../../src/model/records.ts';
import { host, plantTrial, rowOf, settings } from './planted-trial.ts';

const table = (...trials: readonly ReturnType<typeof plantTrial>[]): readonly UseRow[] =>
  useTable({ trials, host, settings }, 'window');

/** Utilization and saturation of a resource. */
function cells(rows: readonly UseRow[], resource: string): readonly [number | string, number | string] {
  const { utilization, saturation } = rowOf(rows, resource);
  const [used, waiting] = [utilization, saturation].map((cell) => ('value' in cell ? cell.value : cell.unavailable));
  return [used ?? '', waiting ?? ''];
}

test('a planted load moves the cell of its resource and of no other', () => {
  const spans = [{ fetchCalledMs: 0 }];
  const idle = table(plantTrial({ spans }));
  const loads: readonly (readonly [Parameters<typeof plantTrial>[0], readonly string[]])[] = [
    [{ parts: { eventLoopUtilization: metric(0.8) } }, ['event loop']],
    [{ parts: { eventLoopDelayMs: { p50: metric(1), p99: metric(30), max: metric(99) } } }, ['event loop']],
    [{ parts: { decodeBusyMs: 1500 } }, ['decode pool']],
    [{ parts: { writeBusyMs: 900 } }, ['writer']],
    [{ parts: { windowUtilization: metric(0.97) } }, ['http/2 window']],
    [{ parts: { peakBufferedBytes: 500, bufferWaits: 3 } }, ['buffer']],
    [{ parts: { proofCpuMs: 200 } }, ['proof cpu']],
    [{ usage: { client: { cpuMs: metric(1200), allThreadsWaitMs: metric(300) } } }, ['client cpu']],
    [{ usage: { client: { mainThreadRunMs: metric(700) } } }, ['client main thread']],
    [{ usage: { server: { cpuMs: metric(700) } } }, ['server cpu']],
    [{ usage: { relay: { mainThreadWaitMs: metric(70) } } }, ['relay main thread']],
    [{ usage: { sampler: { cpuMs: metric(5) } } }, ['sampler cpu']],
    [{ link: { busyToClientMs: metric(950) } }, ['link server to client']],
    [{ link: { busyToServerMs: metric(95) } }, ['link client to server']],
    [{ storage: { slotBusyMs: 4000 } }, ['storage slots']],
    [{ storage: { bandwidthBusyMs: metric(400) } }, ['storage bandwidth']],
    [{ spans: [{ fetchCalledMs: 0, requestSentMs: 0, writtenMs: 800 }] }, ['fetch slots']],
    [{ spans: [{ fetchCalledMs: 0, decodeCalledMs: 0, decodeStartedMs: 90 }] }, ['decode pool']],
    [{ spans: [{ fetchCalledMs: 0, writeCalledMs: 0, writeStartedMs: 90 }] }, ['writer']],
    [{ spans: [{ fetchCalledMs: 0, decodedMs: 100, writeCalledMs: 300 }] }, ['reorder buffer']],
  ];
  for (const [load, expected] of loads) {
    const loaded = table(plantTrial({ spans, ...load }));
    const moved = loaded.filter(({ resource }) => cells(idle, resource).join() !== cells(loaded, resource).join());
    assert.deepEqual(
      moved.map(({ resource }) => resource),
      expected,
    );
  }
});

test('figures are shares of time, slots, threads and cores', () => {
  const chunk = {
    fetchCalledMs: 0,
    requestSentMs: 100,
    decodeCalledMs: 400,
    decodeStartedMs: 450,
    decodedMs: 500,
    writeCalledMs: 700,
    writeStartedMs: 750,
    writtenMs: 800,
  };
  const rows = table(
    plantTrial({
      spans: [chunk, chunk, { writtenMs: 10 }],
      usage: { client: { cpuMs: metric(1500), allThreadsWaitMs: metric(250), mainThreadRunMs: metric(600) } },
      parts: { decodeBusyMs: 500, peakBufferedBytes: 800 },
      storage: { slotBusyMs: 2000, queueWaitMs: 3000, errors: 1 },
      link: { busyToClientMs: metric(900), peakQueuedBytes: 77, errors: 2 },
    }),
  );
  assert.deepEqual(cells(rows, 'fetch slots'), [0.4, 0.2]);
  assert.deepEqual(cells(rows, 'decode pool'), [0.25, 0.1]);
  assert.deepEqual(cells(rows, 'writer'), [0, 0.1]);
  assert.deepEqual(cells(rows, 'reorder buffer'), [0.1, 200]);
  assert.deepEqual(cells(rows, 'buffer'), [0.8, 0]);
  assert.deepEqual(cells(rows, 'client cpu'), [0.75, 0.25]);
  assert.deepEqual(cells(rows, 'client main thread'), [0.6, 0]);
  assert.deepEqual(cells(rows, 'storage slots'), [0.25, 3]);
  assert.deepEqual(cells(rows, 'link server to client'), [0.9, 77]);
  assert.deepEqual(rowOf(rows, 'link server to client').errors, metric(2));
  assert.deepEqual(rowOf(rows, 'storage slots').errors, metric(1));
});

test('longer trials weigh more; warm-ups, other cases, other strategies and failures do not count', () => {
  const busy = (writeBusyMs: number, trial: Parameters<typeof plantTrial>[0] = {}): ReturnType<typeof plantTrial> =>
    plantTrial({ ...trial, parts: { writeBusyMs } });
  const trials = [
    busy(900, { trial: { index: 0 } }),
    busy(0, { trial: { index: 1, durationMs: 3000 } }),
    busy(1000, { trial: { index: 2, warmUp: true } }),
    busy(1000, { trial: { index: 3, case: 1 } }),
    busy(1000, { trial: { index: 4, strategy: 'other' } }),
    busy(1000, { trial: { index: 5, status: 'failed' } }),
    busy(1000, { trial: { index: 6, verified: false } }),
  ];
  assert.equal(cells(table(...trials), 'writer')[0], 0.225);
  assert.deepEqual(rowOf(table(...trials), 'writer').errors, metric(1));
  const all = useTable({ trials, host, settings });
  assert.equal(cells(all, 'writer')[0], 0.38);
});

test('what was not measured or declared is a reason', () => {
  const without = {
    ...settings,
    link: { roundTripMs: 0, jitterMs: 0 },
    storage: { readLatencyMs: 0, queueDepth: 1 },
  };
  const trial = plantTrial({
    usage: { server: { cpuMs: unavailable('not running: the process has ended') } },
    storage: { unavailable: 'the server died' },
  });
  const rows = useTable({ trials: [trial], host, settings: without });
  assert.match(String(cells(rows, 'link server to client')[0]), /^unsupported: no rate is declared/u);
  assert.match(String(cells(rows, 'storage bandwidth')[0]), /^unsupported: no bandwidth is declared/u);
  assert.deepEqual(cells(rows, 'storage slots'), ['the server died', 'the server died']);
  assert.equal(cells(rows, 'server cpu')[0], 'not running: the process has ended');
  assert.equal(cells(rows, 'fetch slots')[0], 'not sampled: recording was off');
  assert.match(String(cells(rows, 'cpu')[0]), /^not sampled: recording was off/u);

  const nothing = useTable({ trials: [], host, settings });
  assert.ok(nothing.every(({ utilization }) => 'unavailable' in utilization));
  assert.ok(nothing.every(({ errors }) => 'unavailable' in errors));
});

test('a rate per connection is a denominator too', () => {
  const perConnection = { ...settings, link: { roundTripMs: 0, jitterMs: 0, connectionRateBytesPerSecond: 1000 } };
  const rows = useTable({
    trials: [plantTrial({ link: { bytesToClient: 1500, connections: 2 } })],
    host,
    settings: perConnection,
  });
  assert.equal(cells(rows, 'link server to client')[0], 0.75);
});

test('rows of the machine come from the samples inside the trial', () => {
  const names = [
    ['cpu.busyMs', 'counter'],
    ['core.0.busyMs', 'counter'],
    ['core.1.busyMs', 'counter'],
    ['runQueue.running', 'gauge'],
    ['pressure.cpu.someMs', 'counter'],
    ['memory.availableBytes', 'gauge'],
    ['disk.sda.busyMs', 'counter'],
    ['disk.sda.weightedMs', 'counter'],
    ['interface.eth0.receiveBytes', 'counter'],
    ['interface.eth0.sendBytes', 'counter'],
    ['interface.eth0.speedBytesPerSecond', 'gauge'],
    ['tcp.segmentsOut', 'counter'],
    ['tcp.retransmits', 'counter'],
    ['connections.8007.busyMs', 'counter'],
    ['connections.8007.rwndLimitedMs', 'counter'],
    ['connections.8007.sndbufLimitedMs', 'counter'],
    ['connections.8007.retransmits', 'counter'],
    ['connections.8007.count', 'gauge'],
  ] as const;
  const at = (timeMs: number, share: number): number[] => {
    const t = timeMs - 900;
    return [
      timeMs,
      t * share * 2,
      t * share,
      t,
      7,
      t / 4,
      25e7,
      t / 2,
      t * 3,
      t * 100,
      t * 400,
      1e6,
      t * 10,
      t,
      t / 2,
      t / 8,
      t / 8,
      t,
      1,
    ];
  };
  const samples: SampleTable = {
    formatVersion: 1,
    intervalMs: 500,
    columns: [{ name: 'timeMs', kind: 'gauge' }, ...names.map(([name, kind]) => ({ name, kind }))],
    unavailable: { 'runQueue.waitMs': 'unsupported: no schedstat' },
    rows: [at(900, 0.5), at(1400, 0.5), at(1900, 0.5), at(2400, 0.5)],
  };
  const rows = useTable({ trials: [plantTrial()], samples, host, settings }, 'window');
  assert.deepEqual(cells(rows, 'cpu'), [0.5, 0.25]);
  assert.equal(cells(rows, 'busiest core')[0], 1);
  assert.deepEqual(cells(rows, 'run queue'), [1, 4]);
  assert.equal(cells(rows, 'pressure cpu')[1], 0.25);
  assert.equal(cells(rows, 'memory')[0], 0.75);
  assert.deepEqual(cells(rows, 'disk sda'), [0.5, 3]);
  assert.equal(cells(rows, 'interface eth0')[0], 0.4);
  assert.equal(cells(rows, 'tcp')[1], 0.1);
  assert.deepEqual(cells(rows, 'server connections'), [0.5, 0.5]);
  assert.match(String(cells(rows, 'pressure io')[1]), /^not sampled: no column/u);

  const outside = useTable({ trials: [plantTrial({ trial: { startedAtMs: 9000 } })], samples, host, settings });
  assert.match(String(cells(outside, 'cpu')[0]), /^not sampled: too few samples/u);
});

test('errors of link and storage are counted over failed trials too, warm-ups apart', () => {
  const failed = { index: 1, status: 'failed', verified: false } as const;
  const rows = table(
    plantTrial({ link: { errors: 1 } }),
    plantTrial({ trial: failed, link: { errors: 2 }, storage: { errors: 3 } }),
    plantTrial({ trial: { index: 2, warmUp: true }, link: { errors: 9 }, storage: { errors: 9 } }),
  );
  assert.deepEqual(rowOf(rows, 'link server to client').errors, metric(3));
  assert.deepEqual(rowOf(rows, 'storage slots').errors, metric(3));
  const dead = table(plantTrial({ trial: failed, storage: { unavailable: 'the server died' } }));
  assert.deepEqual(rowOf(dead, 'storage slots').errors, unavailable('the server died'));
});

test('time that a CPU limit held back has a row where the kernel counts it', () => {
  const columns = ['timeMs', 'cgroup.throttledPeriods', 'cgroup.throttledMs'].map((name) => ({
    name,
    kind: 'counter' as const,
  }));
  const rows = [
    [900, 0, 0],
    [1400, 5, 250],
    [2400, 15, 750],
  ];
  const samples: SampleTable = { formatVersion: 1, intervalMs: 500, columns, unavailable: {}, rows };
  const resource = 'cpu limit of the control group';
  const limited = rowOf(useTable({ trials: [plantTrial()], samples, host, settings }, 'window'), resource);
  assert.deepEqual(limited.saturation, metric(0.5));
  assert.match(limited.method ?? '', /in 10 periods/u);
  const without = { ...samples, columns: columns.slice(0, 1) };
  assert.equal(
    useTable({ trials: [plantTrial()], samples: without, host, settings }).some((row) => row.resource === resource),
    false,
  );
});
