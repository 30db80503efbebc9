import type { VerifyRecord } from '../../src/model/verify.ts';
import { verifyOf } from '../analysis/synthetic-verify.ts';
import { hostile } from './hostile-run.ts';

/** A damaged verify in which everything that a datastore or a machine can name is hostile. */
export function hostileVerify(): VerifyRecord {
  const record = verifyOf({});
  return {
    ...record,
    settings: { ...record.settings, datastore: hostile, namespace: hostile, snapshot: hostile },
    host: { ...record.host, platform: hostile, arch: hostile, cpuModel: hostile },
    problems: [{ code: hostile, problem: hostile, file: hostile, affects: [`${hostile}.fidx`, hostile] }],
    warnings: [hostile],
  };
}
