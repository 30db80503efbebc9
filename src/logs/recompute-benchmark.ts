import type { RateName } from '../model/objective.ts';
import { DEFAULT_CHUNK_SIZE } from '../model/units.ts';
import type { LogFlag, LoggedRate } from './logged-operation.ts';
import { exactBytes, overlaps, rateBetween, type PrintedQuantity } from './printed-quantity.ts';
import type { BenchmarkTest, PrintedRate } from './reading.ts';

/** A benchmark as its lines tell it. */
export interface ToldBenchmark {
  readonly line: number;
  readonly tls?: PrintedRate;
  readonly chunks?: { readonly count: number; readonly duration: PrintedQuantity };
  readonly timePerRequest?: PrintedQuantity;
}

/** Of its tests only the upload has anything to do with a link; it sends bodies of 4 MiB (spec 11.1). */
export function recomputeBenchmark({ line, tls, chunks, timePerRequest }: ToldBenchmark): {
  readonly rates: Readonly<Record<RateName, LoggedRate>>;
  readonly flags: readonly LogFlag[];
} {
  const body = exactBytes(String(DEFAULT_CHUNK_SIZE));
  const sources = [
    ...(timePerRequest === undefined
      ? []
      : [{ what: `4 MiB in ${timePerRequest.text}`, between: rateBetween(body, timePerRequest) }]),
    ...(chunks === undefined
      ? []
      : [
          {
            what: `${chunks.count} chunks of 4 MiB in ${chunks.duration.text}`,
            between: rateBetween(exactBytes(String(chunks.count * DEFAULT_CHUNK_SIZE)), chunks.duration),
          },
        ]),
  ];
  const flags = sources.flatMap(({ what, between }): LogFlag[] => {
    if (tls === undefined || overlaps(between, tls)) return [];
    const inMB = (value: number): string => (value / 1e6).toFixed(2);
    const sentence = `${tls.honestText} is printed, but ${what} are ${inMB(between.low)} to ${inMB(between.high)} MB/s`;
    return [{ code: 'rate-disagrees', line, sentence }];
  });
  const nothing: LoggedRate = { unavailable: 'a benchmark restores nothing' };
  const wire: LoggedRate =
    tls === undefined
      ? { unavailable: 'the upload was not tested' }
      : {
          bytesPerSecond: tls.value,
          interval: [tls.low, tls.high],
          method: 'upload of 4 MiB bodies, without framing',
        };
  return { rates: { logical: nothing, data: nothing, unique: nothing, wire }, flags };
}

/** What each test measures, on one core. */
export const benchmarkTestNames: Readonly<Record<BenchmarkTest, string>> = {
  tls: 'upload over TLS',
  sha256: 'SHA-256',
  compress: 'zstd level 1, compression',
  decompress: 'zstd level 1, decompression',
  aes256_gcm: 'AES-256-GCM, encryption',
  verify: 'verification of a chunk',
};
