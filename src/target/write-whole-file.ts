import { asMachineError } from '../model/errors.ts';
import { openPartialFile } from './partial-file.ts';

/** Writes a small file that is there whole or not at all. What an earlier attempt has left is overwritten. */
export async function writeWholeFile(target: string, content: Uint8Array): Promise<void> {
  await using medium = await openPartialFile(target, content.length);
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
