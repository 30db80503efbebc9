import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { ByteScanner } from '../../src/metrics/byte-scanner.ts';

test('reads the integers of a line and stops at its end', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -(2 ** 52), max: 2 ** 52 })), (numbers) => {
      const scanner = ByteScanner.of(`${numbers.join('  ')}\n77\n`);
      for (const number of numbers) assert.equal(scanner.integer() + 0, number);
      assert.ok(Number.isNaN(scanner.integer()));
      assert.ok(scanner.nextLine());
      assert.equal(scanner.integer(), 77);
      assert.ok(!scanner.nextLine());
    }),
  );
});

test('takes words, accepts prefixes and skips fields without leaving the line', () => {
  const scanner = ByteScanner.of('  eth0: 12 total=9\nlo: 3');
  assert.equal(scanner.word(), 'eth0');
  assert.equal(scanner.integer(), 12);
  scanner.skipFields(1);
  assert.equal(scanner.integer(), 9);
  scanner.skipFields(5);
  assert.equal(scanner.word(), '');
  scanner.nextLine();
  assert.ok(!scanner.accept('lo2'));
  assert.ok(scanner.accept('lo'));
  assert.equal(scanner.integer(), 3);
});

test('loads a file larger than its buffer whole, and a shorter one after it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'restorelab-scanner-'));
  const path = join(folder, 'file');
  const lines = Array.from({ length: 9000 }, (_, index) => `${index}`);
  writeFileSync(path, lines.join('\n'));
  const fd = openSync(path, 'r');
  try {
    const scanner = new ByteScanner(new Uint8Array(64), 0).load(fd);
    let last = scanner.integer();
    while (scanner.nextLine()) last = scanner.integer();
    assert.equal(last, 8999);
    writeFileSync(path, '5');
    scanner.load(fd);
    assert.equal(scanner.integer(), 5);
    assert.ok(!scanner.nextLine());
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
});
