import type { RunData } from '../../src/model/records.ts';
import { caseRecord, caseSettings, quickTrials, runRecord, sequential } from '../analysis/synthetic-run.ts';

/** Would run, break out of an attribute, start a formula or move a cursor wherever it is not escaped. */
export const hostile = `=1+1"><script>alert('x')</script><img src=http://example.invalid/x onerror=alert(1)>|*_\`\u001B[31m\u0007`;

/** A run in which everything that a scenario, a server or a machine can name is hostile. */
export function hostileRun(): RunData {
  const strategy = { ...sequential, label: hostile };
  const record = caseRecord(caseSettings({ strategies: [strategy], parameters: { 'server.kind': hostile } }));
  const image = record.image === undefined ? {} : { image: { ...record.image, snapshot: hostile, archive: hostile } };
  const error = { code: hostile, message: hostile, hint: hostile };
  const [first, ...others] = quickTrials(record);
  const trials = first === undefined ? [] : [{ ...first, status: 'failed' as const, error }, ...others];
  const run = runRecord([{ ...record, ...image }], {
    scenario: { name: hostile, file: hostile, sha256: 'cd'.repeat(32), text: hostile, description: hostile },
    host: {
      platform: hostile,
      arch: hostile,
      cpuModel: hostile,
      cores: 2,
      memoryBytes: 1,
      governor: { [hostile]: hostile },
    },
    warnings: [{ code: hostile, sentence: hostile }],
    objectives: [
      {
        text: hostile,
        left: { kind: 'metric', factor: 1, label: hostile, metric: 'throughput.data' },
        comparator: '>=',
        right: { kind: 'quantity', value: 1, unit: 'bytesPerSecond' },
      },
    ],
  });
  return { run, trials };
}
