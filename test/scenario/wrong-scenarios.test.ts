import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { ScenarioError } from '../../src/model/errors.ts';
import { transportNames } from '../../src/model/transport.ts';
import { listed } from '../../src/scenario/findings.ts';
import { loadScenario } from '../../src/scenario/load-scenario.ts';

const head = 'formatVersion: 1\nname: wrong\n';
const rateUnits = 'bit/s, kbit/s, Mbit/s, Gbit/s, B/s, kB/s, KB/s, MB/s, GB/s, TB/s, KiB/s, MiB/s, GiB/s, TiB/s';
const rootKeys =
  '`formatVersion`, `name`, `description`, `source`, `seed`, `server`, `link`, `transport`, `storage`, `image`, `history`, `target`, `strategies`, `trials`, `matrix`, `objectives`';
const strategyChoices =
  '`sequential`, `concurrent`, `window-unordered`, `window-ordered`, `multi-connection`, `adaptive`, `ordered-async`, `external`';
const metrics =
  '`throughput.logical`, `throughput.data`, `throughput.unique`, `throughput.wire`, `cpuSecondsPerGb.client`, `cpuSecondsPerGb.server`, `chunkLatency.p50`, `chunkLatency.p95`, `chunkLatency.p99`, `chunkLatency.max`, `duration`, `peakBufferedBytes`';

function errorOf(text: string): ScenarioError {
  try {
    loadScenario(text, { file: 'wrong.yaml', folder: '/scenarios' });
  } catch (error) {
    assert.ok(error instanceof ScenarioError, String(error));
    assert.equal(error.exitCode, 2);
    return error;
  }
  return assert.fail('the scenario was accepted');
}

/** What is said about a file that begins with a right head. */
const said = (rest: string): string => errorOf(head + rest).message;

/** The same without marks: place and message only. */
const places = (rest: string): string[] =>
  errorOf(head + rest).problems.map(({ line, column, message }) => `${line}:${column} ${message}`);

describe('one problem is shown with its place, a mark, and what is allowed', () => {
  const expectations: Readonly<Record<string, readonly [text: string, said: string]>> = {
    'an unknown key': [
      'link:\n  roundtrip: 10 ms\n',
      `wrong.yaml:4:3: unknown key \`roundtrip\`; did you mean \`roundTrip\`?
  4 |   roundtrip: 10 ms
    |   ^~~~~~~~~
  allowed: \`roundTrip\`, \`jitter\`, \`rate\`, \`connectionRate\``,
    ],
    'a key one level too high': [
      'roundTrip: 10 ms\n',
      `wrong.yaml:3:1: unknown key \`roundTrip\`; it belongs below \`link\`
  3 | roundTrip: 10 ms
    | ^~~~~~~~~
  allowed: ${rootKeys}`,
    ],
    'a wrong unit': [
      'link: { roundTrip: 10 mss }\n',
      `wrong.yaml:3:20: \`10 mss\`: unknown unit \`mss\`; did you mean \`10 ms\`?
  3 | link: { roundTrip: 10 mss }
    |                    ^~~~~~
  allowed: a duration with a unit (us, ms, s, min), for example 30 ms`,
    ],
    'a number without a unit': [
      'storage: { bandwidth: 10 }\n',
      `wrong.yaml:3:23: \`10\` has no unit
  3 | storage: { bandwidth: 10 }
    |                       ^~
  allowed: a rate with a unit (${rateUnits}), for example 10 Gbit/s`,
    ],
    'a negative quantity': [
      'storage: { readLatency: -5 ms }\n',
      `wrong.yaml:3:25: \`-5 ms\` is negative
  3 | storage: { readLatency: -5 ms }
    |                         ^~~~~
  allowed: a duration with a unit (us, ms, s, min), for example 30 ms, 0 or more`,
    ],
    'an unknown strategy': [
      'strategies: [{ name: windw-unordered }]\n',
      `wrong.yaml:3:22: \`windw-unordered\` is not allowed here; did you mean \`window-unordered\`?
  3 | strategies: [{ name: windw-unordered }]
    |                      ^~~~~~~~~~~~~~~
  allowed: ${strategyChoices}`,
    ],
    'an unknown metric': [
      'objectives:\n  - sequential.chunkLatncy.p99 < 50 ms\n',
      `wrong.yaml:4:16: unknown metric \`chunkLatncy.p99\`; did you mean \`chunkLatency.p99\`?
  4 |   - sequential.chunkLatncy.p99 < 50 ms
    |                ^~~~~~~~~~~~~~~
  allowed: ${metrics}`,
    ],
    'zeros and repeats of more than everything': [
      'image: { zeroShare: 60 %, repeatedShare: 50 % }\n',
      `wrong.yaml:3:42: zero and repeated chunks together are 110 % of the image
  3 | image: { zeroShare: 60 %, repeatedShare: 50 % }
    |                                          ^~~~
  allowed: \`zeroShare\` and \`repeatedShare\` of together at most 100 %`,
    ],
    'a connection faster than its link': [
      'link: { rate: 1 Gbit/s, connectionRate: 2 Gbit/s }\n',
      `wrong.yaml:3:41: one connection cannot be faster than the whole link
  3 | link: { rate: 1 Gbit/s, connectionRate: 2 Gbit/s }
    |                                         ^~~~~~~~
  allowed: a \`connectionRate\` up to the \`rate\`, or neither`,
    ],
    'a delay that varies by more than itself': [
      'link: { roundTrip: 10 ms, jitter: 6 ms }\n',
      `wrong.yaml:3:35: the delay of one direction, half the round trip, cannot vary by more than itself
  3 | link: { roundTrip: 10 ms, jitter: 6 ms }
    |                                   ^~~~
  allowed: a \`jitter\` up to half the \`roundTrip\``,
    ],
    'an image beside a ready datastore': [
      'image: { size: 1 GiB }\nserver: { kind: embedded, datastore: a, snapshot: "vm/1/2026-01-01T00:00:00Z", archive: b }\n',
      `wrong.yaml:3:1: a ready datastore holds its own image
  3 | image: { size: 1 GiB }
    | ^~~~~
  allowed: \`image\` without \`server.datastore\`, or the other way round`,
    ],
    'a history without a synthetic image': [
      'history: { depth: 2 }\nserver: { kind: embedded, datastore: a, snapshot: "vm/1/2026-01-01T00:00:00Z", archive: b }\n',
      `wrong.yaml:3:1: a ready datastore holds its own image
  3 | history: { depth: 2 }
    | ^~~~~~~
  allowed: \`history\` without \`server.datastore\`, or the other way round`,
    ],
    'half a ready datastore': [
      'server: { kind: embedded, datastore: a }\n',
      `wrong.yaml:3:38: a ready datastore needs \`snapshot\` and \`archive\` too
  3 | server: { kind: embedded, datastore: a }
    |                                      ^
  allowed: \`datastore\`, \`snapshot\` and \`archive\` together, or none of them`,
    ],
    'a depth below 1': [
      'history: { depth: 0 }\n',
      `wrong.yaml:3:19: \`0\` is out of range
  3 | history: { depth: 0 }
    |                   ^
  allowed: a whole number from 1 to 1000`,
    ],
    'two strategies of one label': [
      'strategies:\n  - { name: sequential }\n  - { name: window-ordered, label: sequential }\n',
      `wrong.yaml:5:36: two strategies are called \`sequential\`
  5 |   - { name: window-ordered, label: sequential }
    |                                    ^~~~~~~~~~
  allowed: a \`label\` of its own for each`,
    ],
    'a fixed knob': [
      'strategies: [{ name: sequential, inFlight: 8 }]\n',
      `wrong.yaml:3:44: \`inFlight\` is fixed for \`sequential\` and cannot be set
  3 | strategies: [{ name: sequential, inFlight: 8 }]
    |                                            ^
  allowed: \`decodeThreads\`, \`bufferBytes\`, or another strategy`,
    ],
    'a word where a knob is yes or no': [
      'strategies: [{ name: adaptive, polite: very }]\n',
      `wrong.yaml:3:40: expected true or false, found \`very\`
  3 | strategies: [{ name: adaptive, polite: very }]
    |                                        ^~~~
  allowed: \`true\` or \`false\``,
    ],
    'a strategy of the outline': [
      'strategies: [{ name: locality, politeness: high }]\n',
      `wrong.yaml:3:22: the strategy \`locality\` is not built yet
  3 | strategies: [{ name: locality, politeness: high }]
    |                      ^~~~~~~~`,
    ],
    'a key of another kind of target': [
      'target: { kind: discard, rate: 5 MB/s }\n',
      `wrong.yaml:3:26: unknown key \`rate\`; it belongs to \`kind: throttled\`
  3 | target: { kind: discard, rate: 5 MB/s }
    |                          ^~~~
  allowed: \`kind\``,
    ],
    'an objective with a label that is not there': [
      'objectives:\n  - "windw-unordered.throughput.data >= 2 * sequential.throughput.data"\n',
      `wrong.yaml:4:6: no strategy of this scenario is called \`windw-unordered\`; did you mean \`window-unordered\`?
  4 |   - "windw-unordered.throughput.data >= 2 * sequential.throughput.data"
    |      ^~~~~~~~~~~~~~~
  allowed: \`sequential\`, \`window-unordered\``,
    ],
    'a throughput without its rate': [
      'objectives: [ sequential.throughput >= 5 MB/s ]\n',
      `wrong.yaml:3:26: a throughput must name its rate
  3 | objectives: [ sequential.throughput >= 5 MB/s ]
    |                          ^~~~~~~~~~
  allowed: \`throughput.logical\`, \`throughput.data\`, \`throughput.unique\`, \`throughput.wire\``,
    ],
    'units that do not compare': [
      'objectives:\n  - sequential.throughput.data >= 5 ms\n',
      `wrong.yaml:4:35: \`5 ms\` is a duration and cannot be compared with bytes per second
  4 |   - sequential.throughput.data >= 5 ms
    |                                   ^~~~
  allowed: a rate with a unit (${rateUnits}), for example 2.5 Gbit/s`,
    ],
    'a key that the matrix cannot vary': [
      'matrix: { link.roundtrip: [1 ms] }\n',
      `wrong.yaml:3:11: the matrix cannot vary \`link.roundtrip\`; did you mean \`link.roundTrip\`?
  3 | matrix: { link.roundtrip: [1 ms] }
    |           ^~~~~~~~~~~~~~
  allowed: \`link\`, \`link.roundTrip\`, \`link.jitter\`, \`link.rate\`, \`link.connectionRate\``,
    ],
    'a wrong value of the matrix': [
      'matrix:\n  link.roundTrip: [1 ms, 2 lightyears]\n',
      `wrong.yaml:4:26: \`2 lightyears\`: unknown unit \`lightyears\`
  4 |   link.roundTrip: [1 ms, 2 lightyears]
    |                          ^~~~~~~~~~~~
  allowed: a duration with a unit (us, ms, s, min), for example 30 ms`,
    ],
    'a value of the matrix that contradicts a section': [
      'link: { connectionRate: 2 Gbit/s }\nmatrix:\n  link.rate: [4 Gbit/s, 1 Gbit/s]\n  link.roundTrip: [0 ms, 5 ms]\n',
      `wrong.yaml:5:25: one connection cannot be faster than the whole link
  5 |   link.rate: [4 Gbit/s, 1 Gbit/s]
    |                         ^~~~~~~~
  allowed: a \`connectionRate\` up to the \`rate\`, or neither`,
    ],
    'a fixed knob in the matrix': [
      'matrix: { sequential.inFlight: [4] }\n',
      `wrong.yaml:3:33: \`inFlight\` is fixed for \`sequential\` and cannot be set
  3 | matrix: { sequential.inFlight: [4] }
    |                                 ^
  allowed: \`decodeThreads\`, \`bufferBytes\`, or another strategy`,
    ],
    'the same value twice in the matrix': [
      'matrix: { link.roundTrip: [1 ms, 1000 us] }\n',
      `wrong.yaml:3:34: the same value is in the list twice
  3 | matrix: { link.roundTrip: [1 ms, 1000 us] }
    |                                  ^~~~~~~
  allowed: each value once; \`trials.repeats\` says how often`,
    ],
    'too many cases': [
      `matrix:\n  image.seed: [${Array.from({ length: 15 }, (_, seed) => seed).join(', ')}]\n  storage.queueDepth: [${Array.from({ length: 15 }, (_, depth) => depth + 1).join(', ')}]\n`,
      `wrong.yaml:3:1: the matrix has 225 cases
  3 | matrix:
    | ^~~~~~
  allowed: at most 200 combinations`,
    ],
    'an empty section': [
      'link:\n',
      `wrong.yaml:3:6: expected a group of keys, found nothing
  3 | link:
    |      ^
  allowed: the keys \`roundTrip\`, \`jitter\`, \`rate\`, \`connectionRate\``,
    ],
    'a text in place of a section': [
      'target: discard\n',
      `wrong.yaml:3:9: expected a group of keys, found \`discard\`
  3 | target: discard
    |         ^~~~~~~
  allowed: the keys \`kind\`, \`path\`, \`rate\``,
    ],
    'a transport that does not exist': [
      'transport: node:http3\n',
      `wrong.yaml:3:12: \`node:http3\` is not allowed here; did you mean \`node:http2\`?
  3 | transport: node:http3
    |            ^~~~~~~~~~
  allowed: ${listed(transportNames)}`,
    ],
    'a frame that HTTP/2 does not know': [
      'transport: { maxFrame: 16 MiB }\n',
      `wrong.yaml:3:24: \`16 MiB\` is too large
  3 | transport: { maxFrame: 16 MiB }
    |                        ^~~~~~
  allowed: at most 16777215 B`,
    ],
    'a threshold that the transport does not have': [
      'transport: { name: node:http2, updateThreshold: 25 % }\n',
      `wrong.yaml:3:49: \`node:http2\` cannot be told when to give a window back
  3 | transport: { name: node:http2, updateThreshold: 25 % }
    |                                                 ^~~~
  allowed: \`name: h2\`, or no \`updateThreshold\``,
    ],
    'repeats of an image that repeats throughout': [
      'server: { kind: embedded, chunks: synthesised }\nimage: { repeatedShare: 5 % }\n',
      `wrong.yaml:4:25: the chunks of a synthesised image repeat throughout
  4 | image: { repeatedShare: 5 % }
    |                         ^~~
  allowed: \`repeatedShare\` with \`server.chunks: files\`, or without it`,
    ],
    'a history of synthesised chunks in one case of a matrix': [
      'history: { depth: 3 }\nmatrix: { server.chunks: [files, synthesised] }\n',
      `wrong.yaml:3:19: synthesised chunks have no history
  3 | history: { depth: 3 }
    |                   ^
  allowed: \`history\` with \`server.chunks: files\`, or a \`depth\` of 1`,
    ],
    'a cold cache of synthesised chunks': [
      'server: { kind: embedded, chunks: synthesised }\nmatrix: { storage.cache: [warm, cold] }\n',
      `wrong.yaml:4:33: synthesised chunks are in memory and have no page cache
  4 | matrix: { storage.cache: [warm, cold] }
    |                                 ^~~~
  allowed: \`cache: cold\` with \`server.chunks: files\`, or \`cache: warm\``,
    ],
    'a bandwidth that several processes would have to share': [
      'server: { kind: embedded, processes: 2 }\nstorage: { bandwidth: 1 GB/s }\n',
      `wrong.yaml:4:23: each process of the server has an emulated disk of its own
  4 | storage: { bandwidth: 1 GB/s }
    |                       ^~~~~~
  allowed: \`bandwidth\` with \`server.processes: 1\`, or no \`bandwidth\``,
    ],
    'a queue that several processes would have to share': [
      'storage: { queueDepth: 4 }\nmatrix: { server.processes: [1, 2] }\n',
      `wrong.yaml:3:24: each process of the server has an emulated disk of its own
  3 | storage: { queueDepth: 4 }
    |                        ^
  allowed: \`queueDepth\` with \`server.processes: 1\`, or the default of 64 for each process`,
    ],
    'synthesised chunks of a ready datastore': [
      'server: { kind: embedded, chunks: synthesised, datastore: a, snapshot: "vm/1/2026-01-01T00:00:00Z", archive: a }\n',
      `wrong.yaml:3:35: a ready datastore has chunks of its own
  3 | server: { kind: embedded, chunks: synthesised, datastore: a, snapshot: "vm/1/2026-01-01T00:00:00Z", archive: a }
    |                                   ^~~~~~~~~~~
  allowed: \`chunks\` without \`datastore\`, or the other way round`,
    ],
    'an archive without chunks': [
      'server: { kind: embedded, datastore: a, snapshot: "host/a/2026-01-01T00:00:00Z", archive: pct.conf.blob }\n',
      `wrong.yaml:3:91: \`pct.conf.blob\` is not an archive of chunks; only images and archives of files can be restored
  3 | server: { kind: embedded, datastore: a, snapshot: "host/a/2026-01-01T00:00:00Z", archive: pct.conf.blob }
    |                                                                                           ^~~~~~~~~~~~~
  allowed: the name of an archive, for example drive-scsi0.img.fidx or root.pxar.didx`,
    ],
    'a key file without a datastore': [
      'server: { kind: embedded, keyFile: key.json }\n',
      `wrong.yaml:3:36: a ready datastore needs \`datastore\` and \`snapshot\` and \`archive\` too
  3 | server: { kind: embedded, keyFile: key.json }
    |                                    ^~~~~~~~
  allowed: \`datastore\`, \`snapshot\` and \`archive\` together, or none of them`,
    ],
  };
  for (const [name, [text, expected]] of Object.entries(expectations)) {
    test(name, () => assert.equal(said(text), expected));
  }
});

describe('a file that is not a scenario at all', () => {
  const expectations: Readonly<Record<string, readonly [text: string, said: string]>> = {
    'nothing in it': ['', 'wrong.yaml: the file is empty'],
    'comments only': [
      '# nothing\n',
      'wrong.yaml: the scenario is empty\n  allowed: `formatVersion: 1`, `name: ...` and what to emulate',
    ],
    'zero bytes in it': ['a: \0\n', 'wrong.yaml: this is not a text file (UTF-8)'],
    prose: [
      'hello world\n',
      'wrong.yaml:1:1: a scenario is a group of keys, found `hello world`\n  1 | hello world\n    | ^\n  allowed: lines such as `name: my-scenario`',
    ],
    'tabs as indentation': [
      'link:\n\troundTrip: 1 ms\n',
      'wrong.yaml:2:1: not YAML: Tabs are not allowed as indentation\n  2 |  roundTrip: 1 ms\n    | ^',
    ],
    'a key twice': [
      `${head}name: again\n`,
      'wrong.yaml:3:1: the key `name` is there twice\n  3 | name: again\n    | ^~~~\n  allowed: each key once',
    ],
    'two documents': [
      `${head}---\n${head}`,
      'wrong.yaml:3:1: a file holds one scenario; a second document starts here\n  3 | ---\n    | ^~~\n  allowed: a file of its own for each scenario',
    ],
    'an alias inside its own anchor': [
      `${head}link: &a { roundTrip: *a }\n`,
      'wrong.yaml:3:23: anchors and aliases that expand without bound\n  3 | link: &a { roundTrip: *a }\n    |                       ^~\n  allowed: at most 100 expansions, none inside its own anchor',
    ],
    'a newer format': [
      'formatVersion: 2\nname: new\n',
      'wrong.yaml:1:16: formatVersion 2 is newer than this restorelab can read\n  1 | formatVersion: 2\n    |                ^\n  allowed: `1`',
    ],
    'no version': [
      'name: old\n',
      'wrong.yaml:1:1: `formatVersion` is missing\n  1 | name: old\n    | ^~~~\n  allowed: `1`',
    ],
  };
  for (const [name, [text, expected]] of Object.entries(expectations)) {
    test(name, () => assert.equal(errorOf(text).message, expected));
  }

  test('aliases of aliases that grow without bound', () => {
    const levels = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const bomb = levels.map(
      (name, level) =>
        `${name}: &${name} [${Array.from({ length: 9 }, () => (level === 0 ? 'x' : `*${levels[level - 1]}`)).join(', ')}]`,
    );
    assert.match(errorOf(bomb.join('\n')).message, /^wrong\.yaml:2:8: anchors and aliases that expand without bound/u);
  });

  test('brackets without end', () => {
    assert.match(errorOf('['.repeat(100_000)).message, /^wrong\.yaml:1:\d+: nested too deeply/u);
  });
});

test('all problems of a file are told at once, in the order of the file', () => {
  assert.deepEqual(
    places(`servr: {}
link: { roundtrip: 1 ms, rate: 1 Gbit/s, connectionRate: 2 Gbit/s }
storage: { queueDepth: 0.5, readLatency: 5 }
strategies:
  - { name: sequental }
  - window-unordered
trials: { order: random, recording: true, repeats: none }
target: { kind: stdout }
matrix: { link.rate: 5, window.inFlight: [1] }
objectives: [ sequential.duration, 5 s < 4 s ]
`),
    [
      '3:1 unknown key `servr`; did you mean `server`?',
      '4:9 unknown key `roundtrip`; did you mean `roundTrip`?',
      '4:58 one connection cannot be faster than the whole link',
      '5:24 `0.5` is not a whole number',
      '5:42 `5` has no unit',
      '7:13 `sequental` is not allowed here; did you mean `sequential`?',
      '8:5 expected a group of keys, found `window-unordered`',
      '9:18 `random` is not allowed here',
      '9:37 `true` is not allowed here',
      '9:52 expected a whole number, found `none`',
      '10:17 standard output as target (`kind: stdout`) is not built yet',
      '11:22 expected a list of values',
      '11:25 the matrix cannot vary `window.inFlight`',
      '12:15 an objective compares two sides',
      '12:36 neither side names a strategy and a metric',
    ],
  );
});

test('what an alias repeats is reported where the alias stands', () => {
  assert.deepEqual(places('strategies:\n  - &s { name: sequential }\n  - *s\n'), [
    '5:5 two strategies are called `sequential`',
  ]);
});

test('names that every object has are unknown keys too', () => {
  assert.deepEqual(places('link: { constructor: 1, __proto__: 2 }\nmatrix: { __proto__.x: [1], toString: [1] }\n'), [
    '3:9 unknown key `constructor`',
    '3:25 unknown key `__proto__`',
    '4:11 the matrix cannot vary `__proto__.x`',
    '4:29 the matrix cannot vary `toString`',
  ]);
});

test('the nearest key of the matrix is near in both of its halves', () => {
  assert.deepEqual(
    places('matrix: { roundTrip: [1 ms], lnk.rate: [1 MB/s], sequental.decodeThread: [1], trials.repeats: [1] }\n'),
    [
      '3:11 the matrix cannot vary `roundTrip`; did you mean `link.roundTrip`?',
      '3:30 the matrix cannot vary `lnk.rate`; did you mean `link.rate`?',
      '3:50 the matrix cannot vary `sequental.decodeThread`; did you mean `sequential.decodeThreads`?',
      '3:79 the matrix cannot vary `trials.repeats`',
    ],
  );
});

test('control characters of a file do not reach the terminal', () => {
  const text = said('link: { roundTrip: "\u009b31m5 ms", "\u202eetar": 1 }\n');
  assert.doesNotMatch(text, /[^\n\u0020-\u007e]/u);
  assert.match(text, /\\u009b31m5 ms/u);
});

test('a line of a hundred thousand characters is shown around the mark only', () => {
  const error = errorOf(`${head}link: { ${'a'.repeat(100_000)}: 1, roundTrip: 5 }\n`);
  assert.ok(error.message.length < 2000);
  assert.match(error.message, /roundTrip: 5 \}\n/u);
});

test('no text makes the loader fail in another way than with a ScenarioError', () => {
  const words =
    'link matrix strategies objectives target server kind name : - { } [ ] , 1 sequential &a *a " | > ~ ? #'.split(' ');
  const piece = fc.constantFrom(...words, ': ', ':\n  ', '- ', '\n', ', ', '5 ms', "'");
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 30 }).map((pieces) => head + pieces.join('')),
  );
  fc.assert(
    fc.property(text, (written) => {
      try {
        loadScenario(written, { file: 'wrong.yaml', folder: '/' });
      } catch (error) {
        assert.ok(
          error instanceof ScenarioError,
          `${JSON.stringify(written)}: ${error instanceof Error ? error.stack : String(error)}`,
        );
      }
    }),
    { numRuns: 500 },
  );
});
