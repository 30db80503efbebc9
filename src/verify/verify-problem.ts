import { KnownError } from '../model/errors.ts';

/** Something that is not as it should be, and where. */
export interface VerifyProblem {
  /** Stable, kebab-case. */
  readonly code: string;
  /** One clause. */
  readonly problem: string;
  /** Path of the file, below the datastore. */
  readonly file: string;
  /** Of a chunk. */
  readonly digest?: string;
  /** `ns/a/vm/100/2026-02-16T16:30:44Z/drive-scsi0.img.fidx`: what cannot be restored whole because of it. */
  readonly affects: readonly string[];
}

/** The place and cause of a known error; any other is thrown on. */
export function asProblem(error: unknown, place: Pick<VerifyProblem, 'file' | 'digest' | 'affects'>): VerifyProblem {
  if (!(error instanceof KnownError)) throw error;
  return { code: error.code, problem: error.message, ...place };
}
