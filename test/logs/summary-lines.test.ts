import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { MiB } from '../../src/model/units.ts';
import { knownRate, onlyOperation, parseLog } from './logs.ts';

/** As pbs-restore prints it: speed from the whole duration, both cut to two digits afterwards. */
function summaryLine(bytes: number, seconds: number): string {
  return `restore image complete (bytes=${bytes}, duration=${seconds.toFixed(2)}s, speed=${(bytes / MiB / seconds).toFixed(2)}MB/s)`;
}

/** What people's logs have before the text of a program. */
const prefixes = [
  '',
  'INFO: ',
  '  ',
  '2025-11-03T10:15:02+01:00: ',
  'Nov  3 10:15:02 pve1 pvedaemon[1234]: ',
  '[2025-11-03 10:15:02] ',
  '> ',
  '>> > INFO: ',
  '\u001B[32mINFO\u001B[0m: ',
];

const bytes = fc.integer({ min: 1, max: 2 ** 45 });
const seconds = fc.double({ min: 0.006, max: 1e6, noNaN: true });

await describe('a summary line of pbs-restore', async () => {
  test('agrees with itself whatever it sums up, and its rate holds the true one', () => {
    fc.assert(
      fc.property(bytes, seconds, (size, duration) => {
        const { flags, rates, printed } = onlyOperation(summaryLine(size, duration));
        assert.deepEqual(flags, []);
        const { interval, bytesPerSecond } = knownRate(rates.logical);
        const truth = size / duration;
        assert.ok(interval[0] <= truth * (1 + 1e-9) && truth <= interval[1] * (1 + 1e-9));
        assert.ok(interval[0] <= bytesPerSecond * (1 + 1e-9) && bytesPerSecond <= interval[1] * (1 + 1e-9));
        assert.equal(printed[0]?.honestText, `${(size / MiB / duration).toFixed(2)} MiB/s`);
      }),
    );
  });

  test('is flagged as soon as its speed is further off than rounding explains', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2 ** 30, max: 2 ** 45 }),
        fc.double({ min: 1, max: 1e5, noNaN: true }),
        fc.double({ min: 1.02, max: 10, noNaN: true }),
        fc.boolean(),
        (size, duration, factor, isFaster) => {
          const speed = (size / MiB / duration) * (isFaster ? factor : 1 / factor);
          fc.pre(speed > 1);
          const line = `restore image complete (bytes=${size}, duration=${duration.toFixed(2)}s, speed=${speed.toFixed(2)}MB/s)`;
          assert.deepEqual(
            onlyOperation(line).flags.map(({ code }) => code),
            ['rate-disagrees'],
          );
        },
      ),
    );
  });

  test('says so where it would agree with the MB that it claims', () => {
    const line = 'restore image complete (bytes=4294967296, duration=10.00s, speed=429.50MB/s)';
    assert.match(onlyOperation(line).flags[0]?.sentence ?? '', /would agree if MB were 10\^6/u);
  });

  test('is found behind any prefix, with any line end, broken at any blank or by a terminal', () => {
    const line = summaryLine(4 * 1024 ** 3, 13.036);
    const plain = onlyOperation(line);
    fc.assert(
      fc.property(
        fc.constantFrom(...prefixes),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.option(fc.nat(line.length - 1)),
        fc.boolean(),
        (prefix, end, at, isQuoted) => {
          let text = line;
          // A mail program breaks at blanks only, after the word that the line begins with.
          if (at !== null) {
            const blank = line.indexOf(' ', Math.max(at, 'restore image'.length));
            const place = isQuoted && blank !== -1 ? blank : Math.max(at, 'restore image'.length);
            text = `${line.slice(0, place)}${end}${isQuoted ? '> ' : ''}${line.slice(isQuoted && blank !== -1 ? place + 1 : place)}`;
          }
          const read = onlyOperation(`before${end}${prefix}${text}${end}after${end}`);
          assert.deepEqual({ ...read, line: 0 }, { ...plain, line: 0 });
        },
      ),
    );
  });

  test('is read alike however its bytes arrive', () => {
    const log = `ünïcode ${prefixes.join('\n')}\r\n${summaryLine(123_456_789, 4.321)}\n`;
    const whole = parseLog(log);
    assert.equal(whole.operations.length, 1);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }), (lengths) => {
        const all = Buffer.from(log);
        const pieces: Buffer[] = [];
        let start = 0;
        for (let index = 0; start < all.length; index += 1) {
          const length = lengths[index % lengths.length] ?? 1;
          pieces.push(all.subarray(start, start + length));
          start += length;
        }
        assert.deepEqual(parseLog(...pieces), whole);
      }),
    );
  });

  test('with a duration or speed that nobody can divide by has no rate, and a reason', () => {
    for (const speed of ['inf', 'NaN']) {
      const { rates, flags } = onlyOperation(`restore image complete (bytes=0, duration=0.00s, speed=${speed}MB/s)`);
      assert.deepEqual(flags, []);
      assert.match(JSON.stringify(rates.logical), /too short to divide by/u);
    }
  });
});

await describe('a summary line of proxmox-backup-client restore', async () => {
  /** To three decimals, of which zeros at the end are cut. */
  const trimmed = (value: number): string => String(Math.round(value * 1000) / 1000);

  test('agrees with itself whatever it sums up', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1024 ** 2, max: 1024 ** 3 - 1024 }),
        fc.double({ min: 0.1, max: 900, noNaN: true }),
        (size, duration) => {
          const mib = size / MiB;
          const rate = mib / duration;
          fc.pre(rate >= 1 && rate < 1000);
          const time = duration < 1 ? `${duration.toFixed(1)}s` : `${duration.toFixed(0)}s`;
          const line = `restore complete (${trimmed(mib)} MiB processed in ${time}, average ${trimmed(rate)} MiB/s)`;
          const { flags, rates } = onlyOperation(line);
          assert.deepEqual(flags, []);
          const { interval } = knownRate(rates.logical);
          const truth = size / duration;
          assert.ok(interval[0] <= truth * (1 + 1e-9) && truth <= interval[1] * (1 + 1e-9));
        },
      ),
    );
  });

  test('knows durations of minutes and hours', () => {
    const { durationMs } = onlyOperation('restore complete (1.5 TiB processed in 2h 3min 4s, average 213.007 MiB/s)');
    assert.equal(durationMs?.value, (2 * 3600 + 3 * 60 + 4) * 1000);
  });
});
