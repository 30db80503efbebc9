import assert from 'node:assert/strict';
import { test } from 'node:test';

import { recordingPorts } from '../../../src/harness/ports/recording-ports.ts';
import { SerialWriter } from '../../../src/harness/ports/serial-writer.ts';
import { SpanRecorder } from '../../../src/harness/ports/span-recorder.ts';
import type { ChunkSource } from '../../../src/model/ports.ts';
import { spanColumns } from '../../../src/model/records.ts';
import { SimulatedDecoder, SimulatedServer, SimulatedTarget } from '../../../src/simulation/ports.ts';
import { VirtualClock } from '../../../src/simulation/virtual-clock.ts';
import { windowOrdered } from '../../../src/strategy/window-ordered.ts';
import { windowUnordered } from '../../../src/strategy/window-unordered.ts';
import { CHUNK_SIZE, imageOf } from '../../simulation/simulated-restore.ts';

const { signal } = new AbortController();

function firstOf([source]: readonly ChunkSource[]): ChunkSource {
  assert.ok(source);
  return source;
}

test('a row for each chunk has every moment, from the start of the trial, in the order of writing', async () => {
  const clock = new VirtualClock();
  const image = imageOf('D0Ds');
  const recorder = new SpanRecorder(image);
  const target = new SimulatedTarget({ clock, writers: 8, writeMs: () => 3, writeZeroesMs: () => 1 });
  const ports = recordingPorts(
    {
      sources: [
        new SimulatedServer({
          clock,
          link: { roundTripMs: 10, rateBytesPerSecond: (CHUNK_SIZE * 1000) / 2 },
          storage: { readLatencyMs: 0, queueDepth: 8 },
          encodedBytes: () => CHUNK_SIZE,
        }).connect(),
      ],
      decoder: new SimulatedDecoder({ clock, decodeThreads: 1, decodeMs: () => 4 }),
      target: new SerialWriter({
        target,
        writers: 1,
        signal,
        onTaken: (offset) => recorder.writeStarted(offset, clock.now()),
      }),
    },
    recorder,
    clock,
  );
  await clock.run(async () => {
    await clock.sleep(1000);
    recorder.start(clock.now());
    await windowOrdered.restore({
      ...ports,
      source: firstOf(ports.sources),
      image,
      clock,
      signal,
      inFlight: 2,
      polite: false,
    });
  });
  assert.deepEqual(recorder.toSpanTable(), {
    slot: [0, 1, 2, 3],
    connection: [0, null, 0, 0],
    worker: [1, null, 1, 1],
    encodedBytes: [CHUNK_SIZE, null, CHUNK_SIZE, CHUNK_SIZE],
    fetchCalledMs: [0, null, 0, 19],
    requestSentMs: [0, null, 0, 19],
    firstByteMs: [10, null, 12, 29],
    lastByteMs: [12, null, 14, 31],
    decodeCalledMs: [12, null, 14, 31],
    decodeStartedMs: [12, null, 16, 31],
    decodedMs: [16, null, 20, 35],
    writeCalledMs: [16, 19, 20, 35],
    writeStartedMs: [16, 19, 20, 35],
    writtenMs: [19, 20, 23, 38],
  });
});

test('waiting for the writer lies between the call of the write and its start', async () => {
  const clock = new VirtualClock();
  const image = imageOf('DD');
  const recorder = new SpanRecorder(image);
  const target = new SimulatedTarget({ clock, writers: 8, writeMs: () => 5, writeZeroesMs: () => 0 });
  const ports = recordingPorts(
    {
      sources: [{ fetch: async () => ({ encodedBytes: 7 }) }],
      decoder: { decode: async () => ({ length: CHUNK_SIZE }) },
      target: new SerialWriter({
        target,
        writers: 1,
        signal,
        onTaken: (offset) => recorder.writeStarted(offset, clock.now()),
      }),
    },
    recorder,
    clock,
  );
  await clock.run(() =>
    windowUnordered.restore({
      ...ports,
      source: firstOf(ports.sources),
      image,
      clock,
      signal,
      inFlight: 2,
      polite: false,
    }),
  );
  const table = recorder.toSpanTable();
  assert.deepEqual(table.writeCalledMs, [0, 0]);
  assert.deepEqual(table.writeStartedMs, [0, 5]);
  assert.deepEqual(table.writtenMs, [5, 10]);
  // Ports without timing leave their own moments empty.
  for (const name of [
    'connection',
    'worker',
    'requestSentMs',
    'firstByteMs',
    'lastByteMs',
    'decodeStartedMs',
    'decodedMs',
  ] as const) {
    assert.deepEqual(table[name], [null, null], name);
  }
  assert.deepEqual(table.encodedBytes, [7, 7]);
});

test('handles pass through as they are', async () => {
  const clock = new VirtualClock();
  const encoded = { encodedBytes: 1 };
  const plain = { length: 2 };
  const seen: unknown[] = [];
  const recorder = new SpanRecorder(imageOf('D'));
  const { sources, decoder, target } = recordingPorts(
    {
      sources: [{ fetch: async () => encoded }],
      decoder: { decode: async (chunk) => (seen.push(chunk), plain) },
      target: { write: async (_, chunk) => void seen.push(chunk), writeZeroes: async () => {}, finish: async () => {} },
    },
    recorder,
    clock,
  );
  const chunk = await firstOf(sources).fetch('', signal);
  const [slot] = imageOf('D').slots();
  assert.ok(slot);
  await target.write(0, await decoder.decode(chunk, slot));
  assert.equal(seen[0], encoded);
  assert.equal(seen[1], plain);
});

test('only written chunks have rows, and times are rounded to microseconds', () => {
  const recorder = new SpanRecorder(imageOf('DDD'));
  recorder.start(0.1);
  recorder.writeCalled(0, 1);
  recorder.writeCalled(CHUNK_SIZE, 0.1 + 1.23456789);
  recorder.writeStarted(CHUNK_SIZE, 2);
  recorder.written(CHUNK_SIZE, 3);
  const table = recorder.toSpanTable();
  assert.deepEqual(Object.keys(table), [...spanColumns]);
  assert.deepEqual(table.slot, [1]);
  assert.deepEqual(table.writeCalledMs, [1.235]);
  assert.deepEqual(table.writtenMs, [2.9]);
  assert.deepEqual(table.fetchCalledMs, [null]);
});
