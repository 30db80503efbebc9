import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { parseSocketList } from '../../src/metrics/socket-list.ts';
import { recorded } from './recorded-machine.ts';

test('reads queues, round trip, window and the limits of sending from what ss printed', () => {
  const [receiver, sender, ipv6] = parseSocketList(readFileSync(`${recorded}/ss-tinH.txt`, 'latin1'));
  assert.deepEqual(sender, {
    key: '127.0.0.1:37505 127.0.0.1:46420',
    localPort: 37_505,
    remotePort: 46_420,
    receiveQueueBytes: 4096,
    sendQueueBytes: 15_360,
    roundTripMs: 0.586,
    cwndSegments: 48,
    busyMs: 60,
    rwndLimitedMs: 40,
    sndbufLimitedMs: 8,
    retransmits: 3,
  });
  assert.equal(receiver?.localPort, 46_402);
  assert.equal(receiver.busyMs, 0);
  assert.equal(receiver.roundTripMs, 0.077);
  assert.equal(ipv6?.key, '[::1]:37505 [::1]:46500');
  assert.equal(ipv6.roundTripMs, 25.2);
});

test('passes over whatever is not a socket', () => {
  assert.deepEqual(parseSocketList(''), []);
  fc.assert(fc.property(fc.string(), (text) => Array.isArray(parseSocketList(text))));
});
