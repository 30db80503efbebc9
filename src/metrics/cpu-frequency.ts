import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';

import {
  absentResource,
  gauge,
  type ResourceSampler,
  type SampleSources,
  unreadableReason,
} from './resource-sampler.ts';

/** Enough to see throttling; older kernels sleep 10 ms for each idle core that is asked. */
const CORES_LOOKED_AT = 4;

/** Mean clock of the first cores, `cpu.frequencyHz`, where cpufreq is there. */
export function openFrequencySampler({ sys, platform, scanner }: SampleSources): ResourceSampler {
  const files: number[] = [];
  let problem: unknown;
  for (let core = 0; core < CORES_LOOKED_AT; core += 1) {
    try {
      files.push(openSync(join(sys, `devices/system/cpu/cpu${core}/cpufreq/scaling_cur_freq`), 'r'));
    } catch (error) {
      problem ??= error;
    }
  }
  if (files.length === 0)
    return absentResource(
      'cpu.frequencyHz',
      unreadableReason(problem, join(sys, 'devices/system/cpu/cpu0/cpufreq'), platform),
    );
  return {
    columns: [gauge('cpu.frequencyHz')],
    unavailable: {},
    sample(values, first) {
      let kilohertz = 0;
      for (const fd of files) kilohertz += scanner.load(fd).integer();
      if (!Number.isNaN(kilohertz)) values[first] = (kilohertz / files.length) * 1000;
    },
    [Symbol.dispose]: () => files.forEach((fd) => closeSync(fd)),
  };
}
