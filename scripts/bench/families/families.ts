import { join } from 'node:path';

import type { Family } from '../family.ts';
import { restoreFamily } from './restore.ts';
import { transportFamily } from './transport.ts';

export interface FamilyOptions {
  readonly quick: boolean;
  readonly sweep: boolean;
  /** For certificates and generated data; removed after the run. */
  readonly folder: string;
}

/** Everything that the bench can measure, in the order of its tables. */
export function families({ quick, folder }: FamilyOptions): readonly Family[] {
  return [transportFamily({ quick, certificateFolder: join(folder, 'certificate') }), restoreFamily({ folder })];
}
