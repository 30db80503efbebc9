import type { TargetSettings } from '../model/environment.ts';
import type { Clock } from '../model/ports.ts';
import { DiscardTarget } from './discard-target.ts';
import { createFileTarget } from './file-target.ts';
import type { ProvableTarget } from './target.ts';
import { ThrottledTarget } from './throttled-target.ts';

export interface TargetOptions {
  /** Bytes of the image. */
  readonly size: number;
  readonly clock: Clock;
  /** Leave a file in place when the target is disposed. */
  readonly keep?: boolean;
}

/**
 * Makes the target of a restore.
 * @throws UsageError `target-exists`, `target-folder-missing`; MachineError when the file cannot be made
 */
export async function createTarget(settings: TargetSettings, options: TargetOptions): Promise<ProvableTarget> {
  if (settings.kind === 'file') return await createFileTarget(settings.path, options);
  if (settings.kind === 'discard') return new DiscardTarget();
  return new ThrottledTarget({ clock: options.clock, rateBytesPerSecond: settings.rateBytesPerSecond });
}
