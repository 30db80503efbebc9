import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

import { ByteScanner } from '../../src/metrics/byte-scanner.ts';
import { openCgroupSampler } from '../../src/metrics/cgroup.ts';
import { openFrequencySampler } from '../../src/metrics/cpu-frequency.ts';
import { openCpuSampler, parseCpuTimes } from '../../src/metrics/cpu.ts';
import { openDiskSampler } from '../../src/metrics/disks.ts';
import { openInterfaceSampler } from '../../src/metrics/interfaces.ts';
import { openMemorySampler } from '../../src/metrics/memory.ts';
import { openPressureSampler, parsePressure } from '../../src/metrics/pressure.ts';
import { unreadableReason } from '../../src/metrics/resource-sampler.ts';
import { openRunQueueSampler } from '../../src/metrics/run-queue.ts';
import { openTcpSampler } from '../../src/metrics/tcp.ts';
import { recordedSources, sampleOnce } from './recorded-machine.ts';

test('cpu: machine and cores from /proc/stat, in milliseconds', () => {
  using sampler = openCpuSampler(recordedSources());
  assert.deepEqual(sampleOnce(sampler), {
    'cpu.busyMs': 585_330,
    'cpu.userMs': 388_360,
    'cpu.systemMs': 178_030,
    'cpu.interruptMs': 18_940,
    'cpu.idleMs': 4_225_690,
    'cpu.iowaitMs': 5960,
    'cpu.stealMs': 11_770,
    'core.0.busyMs': 273_070,
    'core.0.iowaitMs': 470,
    'core.0.stealMs': 6210,
    'core.1.busyMs': 312_250,
    'core.1.iowaitMs': 5490,
    'core.1.stealMs': 5550,
  });
});

test('cpu: a core that went off line is null, the others keep their columns', () => {
  const values: (number | null)[] = Array.from({ length: 16 }, () => null);
  const text = 'cpu  1 0 0 0 0 0 0 0 0 0\ncpu0 1 0 0 0 0 0 0 0 0 0\ncpu2 7 0 0 0 3 0 0 2 0 0\nintr 9\n';
  assert.ok(parseCpuTimes(ByteScanner.of(text), [0, 1, 2], values, 0));
  assert.deepEqual(values.slice(7), [10, 0, 0, null, null, null, 70, 30, 20]);
});

test('run queue: from loadavg, and the waiting time where the kernel has /proc/schedstat', () => {
  using without = openRunQueueSampler(recordedSources());
  assert.deepEqual(sampleOnce(without), { 'runQueue.running': 2, 'runQueue.load1': 0.93 });
  assert.match(without.unavailable['runQueue.waitMs'] ?? '', /^unsupported: this kernel has no .*schedstat$/u);

  using folder = plant({
    'proc/loadavg': '12.05 1.33 0.78 34/144 20169\n',
    'proc/schedstat':
      'version 17\ntimestamp 4295\ncpu0 0 0 0 0 0 0 100 2000000 5\ndomain0 3 0 0 0\ncpu1 0 0 0 0 0 0 100 3500000 5\n',
  });
  using sampler = openRunQueueSampler(recordedSources(folder));
  assert.deepEqual(sampleOnce(sampler), { 'runQueue.running': 34, 'runQueue.load1': 12.05, 'runQueue.waitMs': 5.5 });
});

test('pressure: totals in milliseconds; kernels without the full line of cpu leave it null', () => {
  using sampler = openPressureSampler(recordedSources());
  const values = sampleOnce(sampler);
  assert.equal(values['pressure.cpu.someMs'], 113_081.597);
  assert.equal(values['pressure.cpu.fullMs'], 0);
  assert.equal(Object.keys(values).length, 6);

  const row: (number | null)[] = [null, null];
  assert.ok(parsePressure(ByteScanner.of('some avg10=1.00 avg60=2.00 avg300=3.00 total=2500\n'), row, 0));
  assert.deepEqual(row, [2.5, null]);
});

test('memory: sizes in bytes, and events of vmstat about once a second', () => {
  let now = 0;
  using sampler = openMemorySampler(recordedSources({ now: () => now }));
  const values = sampleOnce(sampler);
  assert.equal(values['memory.totalBytes'], 24_684_096 * 1024);
  assert.equal(values['memory.availableBytes'], 24_072_488 * 1024);
  assert.equal(values['memory.cachedBytes'], 652_312 * 1024);
  assert.equal(values['memory.majorFaults'], 5466);
  assert.equal(values['memory.oomKills'], 0);
  now = 500;
  assert.equal(sampleOnce(sampler)['memory.majorFaults'], null);
  now = 1000;
  assert.equal(sampleOnce(sampler)['memory.majorFaults'], 5466);
});

test('disks: only those with a device behind them', () => {
  using sampler = openDiskSampler(recordedSources());
  assert.deepEqual(sampleOnce(sampler), {
    'disk.vda.readBytes': 4_271_274 * 512,
    'disk.vda.writeBytes': 2_807_232 * 512,
    'disk.vda.busyMs': 9532,
    'disk.vda.weightedMs': 46_740,
    'disk.vda.inFlight': 0,
  });
});

test('interfaces: those that are not down, and their speed or why there is none', () => {
  using sampler = openInterfaceSampler(recordedSources());
  const values = sampleOnce(sampler);
  assert.equal(values['interface.lo.receiveBytes'], 121_821_003_040);
  assert.equal(values['interface.eth0.receiveBytes'], 297_353_448);
  assert.equal(values['interface.eth0.sendBytes'], 463_999);
  assert.equal(values['interface.eth0.speedBytesPerSecond'], 312_500_000);
  assert.equal(values['interface.ifb0.receiveBytes'], undefined);
  assert.deepEqual(sampler.unavailable, {
    'interface.lo.speedBytesPerSecond': 'unsupported: lo reports no speed',
  });
});

test('interfaces: errors and drops are told apart, and one that vanished is null', () => {
  const line = (name: string): string => `${name}: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n`;
  const heading = 'Inter-|\n face |\n';
  using folder = plant({ 'proc/net/dev': heading + line('lo') + line('tap7') });
  const sources = recordedSources(folder);
  using sampler = openInterfaceSampler(sources);
  assert.equal(sampler.columns.length, 12);
  writeFileSync(join(sources.proc, 'net/dev'), heading + line('lo'));
  const values = Object.values(sampleOnce(sampler));
  assert.deepEqual(values, [1, 9, 3, 11, 4, 12, null, null, null, null, null, null]);
});

test('tcp: figures by their names, wherever they stand', () => {
  using sampler = openTcpSampler(recordedSources());
  assert.deepEqual(sampleOnce(sampler), {
    'tcp.segmentsOut': 2_636_509,
    'tcp.retransmits': 4054,
    'tcp.receiveErrors': 0,
    'tcp.listenOverflows': 0,
    'tcp.listenDrops': 0,
    'tcp.timeouts': 2,
    'tcp.zeroWindows': 22_649,
  });
});

test('clock and control group: read where they are, explained where they are not', () => {
  assert.match(
    openFrequencySampler(recordedSources()).unavailable['cpu.frequencyHz'] ?? '',
    /^unsupported: .*cpufreq/u,
  );
  assert.equal(openCgroupSampler(recordedSources()).unavailable['cgroup'], 'unsupported: no cgroup v2 hierarchy');

  using folder = plant({
    'sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq': '2400000\n',
    'sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq': '3600000\n',
    'proc/self/cgroup': '0::/lab\n',
    'sys/fs/cgroup/cgroup.controllers': 'cpu memory\n',
    'sys/fs/cgroup/lab/cpu.stat': 'usage_usec 9\nnr_periods 5\nnr_throttled 3\nthrottled_usec 4500\n',
  });
  using frequency = openFrequencySampler(recordedSources(folder));
  assert.deepEqual(sampleOnce(frequency), { 'cpu.frequencyHz': 3e9 });
  using cgroup = openCgroupSampler(recordedSources(folder));
  assert.deepEqual(sampleOnce(cgroup), { 'cgroup.throttledPeriods': 3, 'cgroup.throttledMs': 4.5 });
});

test('a system without /proc, a missing file and a forbidden one have reasons of their own', () => {
  const failure = (code: string): Error => Object.assign(new Error(code), { code });
  assert.equal(unreadableReason(failure('ENOENT'), '/proc/stat', 'darwin'), 'unsupported: darwin has no /proc/stat');
  assert.equal(unreadableReason(failure('ENOENT'), '/proc/x', 'linux'), 'unsupported: this kernel has no /proc/x');
  assert.equal(unreadableReason(failure('EACCES'), '/proc/x', 'linux'), 'not permitted: /proc/x');
  assert.equal(
    unreadableReason(failure('EOPNOTSUPP'), '/proc/x', 'linux'),
    'unsupported: /proc/x cannot be read (EOPNOTSUPP)',
  );
});

test('a file in an unknown form is unsupported, not zero', () => {
  using folder = plant({ 'proc/stat': 'nothing of the kind\n', 'proc/diskstats': '' });
  using cpu = openCpuSampler(recordedSources(folder));
  assert.deepEqual(cpu.columns, []);
  assert.match(cpu.unavailable['cpu'] ?? '', /^unsupported: /u);
});

function plant(files: Readonly<Record<string, string>>): Disposable & { readonly proc: string; readonly sys: string } {
  const folder = mkdtempSync(join(tmpdir(), 'restorelab-proc-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return {
    proc: join(folder, 'proc'),
    sys: join(folder, 'sys'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}
