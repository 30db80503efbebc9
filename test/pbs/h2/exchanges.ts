import * as fc from 'fast-check';

import { continuation, data, frame, headers, ping, priority, settingIds, settings, windowUpdate } from './frames.ts';
import { headerBlock, indexedLiteral, tableSizeUpdate, type Field } from './header-block.ts';

const fields: fc.Arbitrary<readonly Field[]> = fc.array(
  fc.tuple(
    fc.stringMatching(/^x-[a-z0-9]{1,12}$/u),
    fc
      .string({ unit: fc.constantFrom('a', 'Z', '0', ' ', '=', '/', '~').map(String), maxLength: 60 })
      .map((text) => text.trim()),
  ),
  { maxLength: 5 },
);

/** How a header block is put into frames. */
interface Layout {
  readonly cuts: readonly number[];
  readonly padding: number | undefined;
  readonly hasPriority: boolean;
  readonly isIndexed: boolean;
  readonly tableSize: number | undefined;
}

const layout: fc.Arbitrary<Layout> = fc.record({
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
  padding: fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
  hasPriority: fc.boolean(),
  isIndexed: fc.boolean(),
  tableSize: fc.option(fc.integer({ min: 0, max: 4096 }), { nil: undefined }),
});

/** HEADERS with the whole list, or its beginning with CONTINUATION behind. */
export function laidOut(stream: number, list: readonly Field[], endStream: boolean, how: Layout): Buffer {
  const encoded = how.isIndexed ? Buffer.concat(list.map(indexedLiteral)) : headerBlock(...list);
  const block = how.tableSize === undefined ? encoded : Buffer.concat([tableSizeUpdate(how.tableSize), encoded]);
  const cuts = how.cuts.map((share) => Math.floor(share * block.length)).toSorted((a, b) => a - b);
  const pieces = [0, ...cuts].map((start, index) => block.subarray(start, cuts[index] ?? block.length));
  const [first = block, ...rest] = pieces;
  return Buffer.concat([
    headers(stream, first, {
      endStream,
      endHeaders: rest.length === 0,
      ...(how.padding === undefined ? {} : { padding: how.padding }),
      ...(how.hasPriority ? { priority: { dependsOn: 0 } } : {}),
    }),
    ...rest.map((piece, index) => continuation(stream, piece, { endHeaders: index === rest.length - 1 })),
  ]);
}

/** Frames that change nothing that could be seen. */
const idleFrame: fc.Arbitrary<Buffer> = fc.oneof(
  fc.constant(ping('idle')),
  // Lower numbers are extensions that nghttp2 knows: ALTSVC, ORIGIN, PRIORITY_UPDATE.
  fc.integer({ min: 32, max: 255 }).map((type) => frame(type, { payload: Buffer.alloc(type) })),
  fc.integer({ min: 1, max: 99 }).map((stream) => priority(stream, { dependsOn: stream + 1 })),
  fc.integer({ min: 1, max: 1000 }).map((increment) => windowUpdate(0, increment)),
  fc.integer({ min: 0, max: 70_000 }).map((size) => settings([settingIds.initialWindowSize, size])),
  fc.integer({ min: 0, max: 9000 }).map((size) => settings([settingIds.headerTableSize, size])),
  fc.integer({ min: 16_384, max: 2 ** 24 - 1 }).map((size) => settings([settingIds.maxFrameSize, size])),
);

export interface Exchange {
  readonly path: string;
  readonly fields: readonly Field[];
  readonly layout: Layout;
  /** Of the body's frames; none for a GET. */
  readonly pieces: readonly { readonly bytes: number; readonly padding: number | undefined }[];
  readonly before: readonly Buffer[];
}

/** Of a body: short ones, and some that a reader may place without looking at them. */
const piecesOf = (minLength: number): fc.Arbitrary<Exchange['pieces']> =>
  fc.array(
    fc.record({
      bytes: fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 3000, max: 16_000 })),
      padding: fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
    }),
    { minLength, maxLength: 4 },
  );

export const exchange: fc.Arbitrary<Exchange> = fc.record({
  path: fc.constantFrom('/small', '/empty', '/missing', '/large', '/pieces', '/failing'),
  fields,
  layout,
  pieces: piecesOf(0),
  before: fc.array(idleFrame, { maxLength: 3 }),
});

export const bodyFrames = (stream: number, list: Exchange['pieces']): readonly Buffer[] =>
  list.map(({ bytes, padding }, index) =>
    data(stream, Buffer.alloc(bytes, `${stream}.${index} `), {
      endStream: index === list.length - 1,
      ...(padding === undefined ? {} : { padding }),
    }),
  );

export interface Answer extends Exchange {
  readonly status: number;
  readonly hasLength: boolean;
  readonly ending: 'end' | 'trailers' | 'reset' | 'interim first';
}

export const answer: fc.Arbitrary<Answer> = fc.record({
  path: fc.constant('/'),
  fields,
  layout,
  pieces: piecesOf(1),
  before: fc.array(idleFrame, { maxLength: 3 }),
  status: fc.constantFrom(200, 200, 400, 404, 503),
  hasLength: fc.constantFrom(true, true, true, false),
  ending: fc.constantFrom('end', 'end', 'trailers', 'reset', 'interim first'),
});
