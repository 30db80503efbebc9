import type { SeededRandom } from '../../../src/material/seeded-random.ts';
import * as frames from './frames.ts';
import { headerBlock, indexedLiteral, request, response, tableSizeUpdate, type Field } from './header-block.ts';

const {
  continuation,
  data,
  frame,
  frameTypes,
  headers,
  ping,
  priority,
  rstStream,
  settingIds,
  settings,
  windowUpdate,
} = frames;

/** How many requests the client makes that a sequence for it answers. */
export const REQUESTS = 6;
/** What each of its answers announces, and its destination holds. */
export const ANSWER_BYTES = 600;

const pick = <Member>(members: readonly Member[], random: SeededRandom): Member =>
  members[random.below(members.length)] as Member;

/** One frame in so many is changed, and one in twice as many is random. */
const MUTATION_ODDS = 40;

/** Sequences of whole frames as one end of a connection sends them: most right, some changed or random. */
abstract class FrameSequence {
  protected readonly random: SeededRandom;
  /** Header blocks are ruined for good by a change, so that most sequences have none. */
  readonly #isSound: boolean;

  constructor(random: SeededRandom) {
    this.random = random;
    this.#isSound = random.below(4) === 0;
  }

  make(): Buffer {
    const count = 10 + this.random.below(60);
    const made = [this.begin()];
    for (let number = 0; number < count; number += 1) made.push(this.#perhapsChanged(this.next()));
    return Buffer.concat(made);
  }

  /** What comes before everything else, never changed. */
  protected abstract begin(): Buffer;
  protected abstract next(): Buffer;

  protected below(bound: number): number {
    return this.random.below(bound);
  }

  protected bytes(atMost: number): Buffer {
    return Buffer.alloc(this.below(atMost + 1), this.below(256));
  }

  protected settings(): Buffer {
    const values: frames.Setting[] = [
      [settingIds.headerTableSize, pick([0, 64, 4096, 65_536], this.random)],
      [settingIds.initialWindowSize, pick([0, 1, 100, 65_535, 1 << 20], this.random)],
      [settingIds.maxFrameSize, pick([16_384, 65_536, 2 ** 24 - 1], this.random)],
      [settingIds.maxHeaderListSize, pick([0, 100, 16_384], this.random)],
      [0x10 + this.below(100), this.below(2 ** 32)],
    ];
    return settings(...this.random.take(values, this.below(values.length + 1)));
  }

  /** Frames that mean the same in both directions. */
  protected common(stream: number): Buffer {
    switch (this.below(8)) {
      case 0:
        return this.settings();
      case 1:
        return frames.settingsAck;
      case 2:
        return ping('fuzz', { ack: this.below(3) === 0 });
      case 3:
        return priority(stream, { dependsOn: this.below(20), weight: this.below(256) });
      case 4:
        return frame(10 + this.below(246), { stream, flags: this.below(256), payload: this.bytes(50) });
      case 5:
        return windowUpdate(0, 1 + this.below(100_000));
      default:
        return windowUpdate(stream, 1 + this.below(5000));
    }
  }

  /** A block in HEADERS alone, or with CONTINUATION behind it. */
  protected block(stream: number, block: Buffer, endStream: boolean): Buffer {
    const odds = this.below(8);
    if (odds === 0) {
      const cut = this.below(block.length);
      return Buffer.concat([
        headers(stream, block.subarray(0, cut), { endStream, endHeaders: false }),
        continuation(stream, block.subarray(cut)),
      ]);
    }
    if (odds === 1) return headers(stream, block, { endStream, padding: this.below(256) });
    if (odds === 2) return headers(stream, block, { endStream, priority: { dependsOn: this.below(20) } });
    return headers(stream, block, { endStream });
  }

  protected fields(): readonly Field[] {
    return Array.from({ length: this.below(4) }, () => [
      `x-${'n'.repeat(this.below(20))}`,
      'v'.repeat(this.below(3) === 0 ? this.below(2000) : this.below(30)),
    ]);
  }

  protected asIndexed(block: Buffer): Buffer {
    const odds = this.below(20);
    if (odds === 0) return Buffer.concat([tableSizeUpdate(this.below(5000)), block]);
    if (odds < 5) return Buffer.concat([block, indexedLiteral([`x-${this.below(50)}`, 'value']), Buffer.of(0xbe)]);
    return block;
  }

  #perhapsChanged(whole: Buffer): Buffer {
    if (this.#isSound || this.below(MUTATION_ODDS) > 0) return whole;
    const changed = Buffer.from(whole);
    switch (this.below(7)) {
      case 0:
        changed[this.below(changed.length)] = this.below(256);
        return changed;
      case 1:
        changed[3] = this.below(11);
        return changed;
      case 2:
        changed[4] = this.below(256);
        return changed;
      case 3:
        changed.writeUInt32BE(this.below(20), 5);
        return changed;
      case 4:
        return changed.subarray(0, this.below(changed.length + 1));
      case 5:
        changed.writeUIntBE(pick([0, 1, 8, 16_385, 2 ** 24 - 1], this.random), 0, 3);
        return changed;
      default:
        return Buffer.from(Array.from({ length: this.below(60) }, () => this.below(256)));
    }
  }
}

const paths = ['/small', '/large', '/pieces', '/empty', '/failing', '/missing'];

/** What a client sends. */
export class ClientSequence extends FrameSequence {
  #nextStream = 1;
  /** Those whose body is to follow. */
  readonly #bodies: Set<number> = new Set();

  protected begin(): Buffer {
    return Buffer.concat([frames.preface, this.settings(), this.#open()]);
  }

  protected next(): Buffer {
    const recent = Math.max(1, this.#nextStream - 2 * (1 + this.below(4)));
    switch (this.below(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return this.#open();
      case 4:
      case 5: {
        const [stream = recent] = this.#bodies;
        return this.#bodies.size > 0 || this.below(60) === 0 ? this.#body(stream) : this.common(recent);
      }
      case 6:
        return rstStream(recent, this.below(14));
      case 7:
        return this.below(60) === 0 ? frames.goaway(0, this.below(14), 'bye') : this.common(recent);
      default:
        return this.common(recent);
    }
  }

  #open(): Buffer {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    const hasBody = this.below(5) === 0;
    if (hasBody) this.#bodies.add(stream);
    return this.block(stream, this.asIndexed(request(pick(paths, this.random), ...this.fields())), !hasBody);
  }

  #body(stream: number): Buffer {
    const endStream = this.below(3) === 0;
    if (endStream) this.#bodies.delete(stream);
    return data(stream, this.bytes(300), { endStream, ...(this.below(3) === 0 ? { padding: this.below(256) } : {}) });
  }
}

/** What a server sends to a client that has made {@link REQUESTS} requests. */
export class ServerSequence extends FrameSequence {
  /** Bytes that each stream has still to get; absent before its head. */
  readonly #left: Map<number, number> = new Map();

  protected begin(): Buffer {
    return this.settings();
  }

  protected next(): Buffer {
    const stream = 1 + 2 * this.below(REQUESTS);
    if (this.below(3) === 0) return this.common(stream);
    const left = this.#left.get(stream);
    if (left === undefined) return this.#head(stream);
    if (left < 0) return this.common(stream);
    if (this.below(25) === 0) {
      this.#left.set(stream, -1);
      return rstStream(stream, this.below(14));
    }
    const bytes = Math.min(left, this.below(300));
    const isEnd = bytes === left;
    this.#left.set(stream, isEnd ? -1 : left - bytes);
    const payload = Buffer.alloc(bytes, stream);
    if (isEnd && this.below(5) === 0) {
      return Buffer.concat([data(stream, payload), headers(stream, headerBlock(['x-trailer', 'end']))]);
    }
    return data(stream, payload, {
      endStream: isEnd,
      ...(this.below(4) === 0 ? { padding: this.below(256) } : {}),
    });
  }

  #head(stream: number): Buffer {
    const odds = this.below(20);
    if (odds === 0) return headers(stream, response(100 + this.below(4), ...this.fields()), { endStream: false });
    if (odds === 1) return frames.pushPromise(stream, 2 * this.below(10), response(200));
    if (odds === 2) return frame(frameTypes.goaway, { payload: Buffer.alloc(8) });
    const length = odds < 6 ? undefined : ANSWER_BYTES;
    this.#left.set(stream, ANSWER_BYTES);
    const announced: readonly Field[] = length === undefined ? [] : [['content-length', String(length)]];
    return this.block(stream, this.asIndexed(response(200, ...announced, ...this.fields())), false);
  }
}
