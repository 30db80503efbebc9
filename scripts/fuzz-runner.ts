import { basename } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { getHeapStatistics } from 'node:v8';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

import { SeededRandom } from '../src/material/seeded-random.ts';
import { fuzzArguments, type FuzzArguments } from './fuzz-arguments.ts';
import { mutate, readOne, type FuzzTarget } from '../test/pbs/format/mutations.ts';

/** One input takes microseconds; a machine that is busy with other things stays far below this. */
const HANG_MS = 10_000;
/** Inputs have some KiB and may decompress to 64 KiB; the rest is the garbage collector's leisure. */
const MAX_GROWTH_BYTES = 512 * 1024 * 1024;
const MEMORY_CHECK_INPUTS = 2000;
/** Of buffers, for one input; found even when they are never filled and freed at once. */
const MAX_INPUT_BYTES = 32 * 1024 * 1024;

interface Tally {
  readonly name: string;
  readonly inputs: number;
  readonly read: number;
  readonly refused: number;
  readonly ms: number;
  readonly parts: string | undefined;
}

type Report =
  | { readonly alive: number }
  | { readonly failure: string }
  | { readonly tallies: readonly Tally[]; readonly peakBytes: number };

async function fuzz(
  targets: readonly FuzzTarget[],
  { inputs, seed }: FuzzArguments,
  report: (message: Report) => void,
): Promise<void> {
  const weights = targets.reduce((sum, { weight }) => sum + weight, 0);
  const tallies: Tally[] = [];
  const startBytes = process.memoryUsage.rss();
  let peakBytes = startBytes;
  let lastAliveMs = 0;
  for (const target of targets) {
    const random = new SeededRandom(`${seed} ${target.name}`);
    const share = Math.ceil((inputs * target.weight) / weights);
    const start = performance.now();
    let read = 0;
    for (let count = 0; count < share; count += 1) {
      // A decompressor of Node that failed is given back on the next turn of the event loop.
      if (count % 64 === 0) await nextTurn();
      const input = mutate(target, random);
      const bufferBytes = getHeapStatistics().external_memory;
      try {
        if ((await readOne(target, input)) === 'read') read += 1;
      } catch (error) {
        report({
          failure: describe(
            target,
            count,
            input,
            error instanceof Error ? (error.stack ?? error.message) : String(error),
          ),
        });
        return;
      }
      const taken = getHeapStatistics().external_memory - bufferBytes;
      if (taken > MAX_INPUT_BYTES) {
        report({ failure: describe(target, count, input, `it took ${taken} bytes of buffers`) });
        return;
      }
      if (performance.now() - lastAliveMs > HANG_MS / 20) {
        lastAliveMs = performance.now();
        report({ alive: count });
      }
      if (count % MEMORY_CHECK_INPUTS === 0) {
        peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
        if (peakBytes - startBytes > MAX_GROWTH_BYTES) {
          report({ failure: describe(target, count, input, `memory grew by ${peakBytes - startBytes} bytes`) });
          return;
        }
      }
    }
    tallies.push({
      name: target.name,
      inputs: share,
      read,
      refused: share - read,
      ms: performance.now() - start,
      parts: target.parts?.(),
    });
  }
  report({ tallies, peakBytes });
}

const describe = (target: FuzzTarget, count: number, input: Buffer, problem: string): string =>
  `${target.name}, input ${count}: ${problem}\n${input.toString('base64')}`;

/** The readers run in a worker, so that one that hangs can be seen and ended. */
async function supervise(script: string, task: FuzzArguments): Promise<boolean> {
  const worker = new Worker(new URL(script), { workerData: task });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const hang = setTimeout(() => {
    console.error(`no input was finished for ${HANG_MS} ms: a reader hangs`);
    resolve(false);
  }, HANG_MS);
  worker.on('error', (error) => {
    console.error(error);
    resolve(false);
  });
  worker.on('message', (message: Report) => {
    hang.refresh();
    if ('failure' in message) {
      console.error(message.failure);
      resolve(false);
    } else if ('tallies' in message) {
      print(message.tallies, message.peakBytes);
      resolve(true);
    }
  });
  const succeeded = await promise;
  clearTimeout(hang);
  await worker.terminate();
  return succeeded;
}

function print(tallies: readonly Tally[], peakBytes: number): void {
  for (const { name, inputs, read, refused, ms, parts } of tallies) {
    console.log(
      `${name.padEnd(26)} ${inputs} inputs, ${read} read, ${refused} refused, ${Math.round((inputs / ms) * 1000)} per second${parts === undefined ? '' : `, ${parts}`}`,
    );
  }
  const inputs = tallies.reduce((sum, tally) => sum + tally.inputs, 0);
  const ms = tallies.reduce((sum, tally) => sum + tally.ms, 0);
  console.log(
    `${inputs} inputs in ${(ms / 1000).toFixed(1)} s, ${Math.round((inputs / ms) * 1000)} per second, peak ${Math.round(peakBytes / 2 ** 20)} MiB resident`,
  );
}

/**
 * What a fuzz script does: `node SCRIPT [inputs] [seed]`. Ends the process with 1 for the first input that is neither
 * read nor refused, that takes too long or too much memory, and prints it; the same seed makes the same inputs.
 *
 * @param script - The script's `import.meta.url`, which also runs in the worker
 */
export async function runFuzzing(
  script: string,
  targets: () => readonly FuzzTarget[],
  defaultInputs = 1_000_000,
): Promise<void> {
  if (isMainThread) {
    if (!(await supervise(script, fuzzArguments(basename(fileURLToPath(script)), defaultInputs)))) process.exitCode = 1;
  } else {
    await fuzz(targets(), workerData as FuzzArguments, (message) => parentPort?.postMessage(message));
  }
}
