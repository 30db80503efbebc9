import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { TransportSettings } from '../../src/model/environment.ts';
import { ScenarioError } from '../../src/model/errors.ts';
import { defaultTransport, transportCatalogue, transportNames } from '../../src/model/transport.ts';
import { loadScenario, type Scenario } from '../../src/scenario/load-scenario.ts';

const load = (text: string): Scenario =>
  loadScenario(`formatVersion: 1\nname: transported\n${text}\n`, { file: 'a.yaml', folder: '/' });
const transportOf = (text: string): TransportSettings => load(text).cases[0].transport;

function messagesOf(text: string): readonly string[] {
  try {
    load(text);
  } catch (error) {
    assert.ok(error instanceof ScenarioError, String(error));
    return error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
  }
  return [];
}

test('a name alone is both ends with the windows of a PBS client', () => {
  for (const name of transportNames) {
    const expected = { ...defaultTransport, name, server: name };
    assert.deepEqual(transportOf(`transport: ${name}`), expected);
    assert.deepEqual(transportOf(`transport: { name: "${name}" }`), expected);
  }
  assert.deepEqual(transportOf(''), defaultTransport);
});

test('each end can have its own implementation', () => {
  for (const name of transportNames) {
    for (const server of transportNames) {
      const both = transportOf(`transport: { name: "${name}", server: "${server}" }`);
      assert.deepEqual([both.name, both.server], [name, server]);
    }
  }
});

test('windows, frames and cipher are read into bytes and names', () => {
  const text = '{ streamWindow: 1 MiB, connectionWindow: 32 MiB, maxFrame: 16 KiB, tlsCipher: TLS_AES_128_GCM_SHA256 }';
  assert.deepEqual(transportOf(`transport: ${text}`), {
    ...defaultTransport,
    streamWindowBytes: 1024 ** 2,
    connectionWindowBytes: 32 * 1024 ** 2,
    maxFrameBytes: 16_384,
    tlsCipher: 'TLS_AES_128_GCM_SHA256',
  });
});

test('a threshold is taken where the transport has one, and refused elsewhere', () => {
  for (const name of transportNames) {
    const text = `transport: { name: "${name}", updateThreshold: 25 % }`;
    if (transportCatalogue[name].hasUpdateThreshold) assert.equal(transportOf(text).updateThreshold, 0.25);
    else assert.match(messagesOf(text).join('\n'), /cannot be told when to give a window back/u);
  }
});

test('what RFC 9113 does not allow is refused at its place', () => {
  assert.deepEqual(messagesOf('transport: { maxFrame: 16383 B }'), ['3:24 `16383 B` is too small']);
  assert.deepEqual(messagesOf('transport: { streamWindow: 2 GiB }'), ['3:28 `2 GiB` is too large']);
  assert.deepEqual(messagesOf('transport: { connectionWindow: 64 kB }'), ['3:32 `64 kB` is too small']);
  assert.deepEqual(messagesOf('transport: { tlsCipher: TLS_RSA }'), ['3:25 `TLS_RSA` is not allowed here']);
  assert.deepEqual(messagesOf('transport: { frame: 1 }'), ['3:14 unknown key `frame`; did you mean `name`?']);
  assert.deepEqual(messagesOf('transport: [h2]'), ['3:12 expected a group of keys, found a list']);
  assert.deepEqual(messagesOf('transport: 5'), ['3:12 `5` is not allowed here']);
});

test('a matrix varies the keys of a transport that is written as a name', () => {
  const { cases } = load(
    'transport: node:http2\nmatrix: { transport.tlsCipher: [TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256] }',
  );
  assert.deepEqual(
    cases.map(({ transport, parameters }) => [transport.tlsCipher, parameters]),
    [
      ['TLS_AES_128_GCM_SHA256', { 'transport.tlsCipher': 'TLS_AES_128_GCM_SHA256' }],
      ['TLS_CHACHA20_POLY1305_SHA256', { 'transport.tlsCipher': 'TLS_CHACHA20_POLY1305_SHA256' }],
    ],
  );
});

test('a matrix varies the whole section, and each case is named by what differs from the default', () => {
  const { cases } = load(
    'matrix: { transport: [node:http2, { connectionWindow: 1 MiB, tlsCipher: TLS_AES_128_GCM_SHA256 }] }',
  );
  assert.deepEqual(
    cases.map(({ parameters }) => parameters),
    [
      { transport: 'node:http2' },
      { transport: `${defaultTransport.name}, connection window 1 MiB, TLS_AES_128_GCM_SHA256` },
    ],
  );
});
