import { asMachineError } from '../model/errors.ts';
import type { RestoreMedium } from './restore-medium.ts';

/** Gives a file small content and its name. What an earlier attempt has left in it is overwritten. */
export async function writeWholeFile(medium: RestoreMedium, content: Uint8Array): Promise<void> {
  try {
    for (let done = 0; done < content.length;) {
      const { bytesWritten } = await medium.file.write(content, done, content.length - done, done);
      done += bytesWritten;
    }
    await medium.file.sync();
    await medium.publish();
  } catch (error) {
    throw asMachineError(error, `writing ${medium.path}`);
  }
}
