import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { transports } from '../../../../src/pbs/transport/transports.ts';
import { codeOf, describeFrame, FramePeer, isAck, isFrame, type ReceivedFrame } from '../frame-peer.ts';
import { errorCodes, flags, frameTypes, type ErrorCodeName } from '../frames.ts';
import { H2Listener, staticFiles } from '../h2-listener.ts';

/** Looks at what a peer gets after its frames; rejects where that is not what the RFC names. */
export type Expectation = (peer: FramePeer) => Promise<void>;

/** One rule of an RFC, and the case of h2spec that looks at it. */
export interface ConformanceCase {
  /** Suite, section and number as h2spec names them; it counts sections by RFC 7540. */
  readonly h2spec: string;
  readonly clause: `RFC ${9113 | 7540 | 7541} ${string}`;
  readonly name: string;
  /** Frames behind the handshake, each written on its own, or a whole exchange. */
  readonly send: readonly Uint8Array[] | ((peer: FramePeer) => Promise<void> | void);
  readonly expect: Expectation;
  /** Left out before the frames. */
  readonly noHandshake?: true;
  /** What node:http2 does instead; it is not held to the case then. */
  readonly nodeHttp2?: string;
}

/** Runs every case against every serving end, each on a connection of its own. */
export function testConformance(title: string, cases: readonly ConformanceCase[]): void {
  for (const { server: transport } of Object.values(transports)) {
    describe(`${title}, ${transport.name}`, () => {
      let listener: H2Listener | undefined;
      before(async () => {
        listener = await H2Listener.start({ transport, handler: staticFiles(undefined) });
      });
      after(async () => await listener?.[Symbol.asyncDispose]());
      for (const { h2spec, clause, name, send, expect, noHandshake, nodeHttp2 } of cases) {
        const skip = transport.name === 'node:http2' && nodeHttp2 !== undefined && nodeHttp2;
        test(`${clause} (h2spec ${h2spec}): ${name}`, { skip }, async () => {
          using peer = await FramePeer.open(listener!.port);
          if (noHandshake !== true) await peer.shakeHands();
          if (typeof send === 'function') await send(peer);
          else for (const frame of send) peer.write(frame);
          await expect(peer);
        });
      }
    });
  }
}

const isOneOf = (frame: ReceivedFrame, names: readonly ErrorCodeName[]): boolean =>
  names.some((name) => errorCodes[name] === codeOf(frame));

/** RFC 9113 section 5.4.1: GOAWAY with the code, and the end of the connection. */
export const connectionError =
  (...names: readonly ErrorCodeName[]): Expectation =>
  async (peer) => {
    const frame = await peer.until(isFrame('goaway'));
    assert.ok(isOneOf(frame, names), `${describeFrame(frame)} instead of ${names.join(' or ')}`);
    await peer.ended();
  };

/** RFC 9113 section 5.4.2: RST_STREAM with the code, on a connection that goes on; or the same as a connection error. */
export const streamError =
  (stream: number, ...names: readonly ErrorCodeName[]): Expectation =>
  async (peer) => {
    const frame = await peer.until((next) => isFrame('goaway')(next) || isFrame('rstStream', stream)(next));
    assert.ok(isOneOf(frame, names), `${describeFrame(frame)} instead of ${names.join(' or ')}`);
    if (frame.type === frameTypes.goaway) await peer.ended();
    else await peer.untilPong();
  };

/** A stream error that must not end the connection. */
export const onlyStreamError =
  (stream: number, name: ErrorCodeName): Expectation =>
  async (peer) => {
    const frame = await peer.until((next) => isFrame('goaway')(next) || isFrame('rstStream', stream)(next));
    assert.equal(frame.type, frameTypes.rstStream, describeFrame(frame));
    assert.equal(codeOf(frame), errorCodes[name], describeFrame(frame));
    await peer.untilPong();
  };

/** The connection ends, with or without a word. */
export const connectionEnds: Expectation = async (peer) => await peer.ended();

/** Nothing is wrong: a PING comes back, and before it neither GOAWAY nor RST_STREAM. */
export const goesOn: Expectation = async (peer) => {
  const before = await peer.untilPong();
  const errors = before.filter((frame) => isFrame('goaway')(frame) || isFrame('rstStream')(frame));
  assert.deepEqual(errors.map(describeFrame), []);
};

/** A response begins on the stream. */
export const responds =
  (stream = 1): Expectation =>
  async (peer) => {
    const frame = await peer.until((next) => !isFrame('settings')(next) && !isFrame('windowUpdate')(next));
    assert.ok(isFrame('headers', stream)(frame), describeFrame(frame));
  };

export const settingsAcknowledged: Expectation = async (peer) => {
  await peer.until((frame) => isFrame('settings')(frame) && isAck(frame));
};

/** The next DATA has so many bytes. */
export const sendsData =
  (bytes: number): Expectation =>
  async (peer) => {
    const frame = await peer.until((next) => isFrame('data')(next) || isFrame('goaway')(next));
    assert.equal(frame.payload.length, bytes, describeFrame(frame));
    assert.ok(isFrame('data', 1)(frame), describeFrame(frame));
  };

/** Waits for the end of a whole response. */
export const responseEnds: Expectation = async (peer) => {
  await peer.until(
    (frame) => frame.stream === 1 && frame.type <= frameTypes.headers && (frame.flags & flags.endStream) !== 0,
  );
};
