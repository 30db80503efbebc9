import { access, constants, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { z } from 'zod';

import { makeFolder } from '../files/make-folder.ts';
import { asMachineError, IntegrityError, systemErrorCode, UsageError } from '../model/errors.ts';
import { profileFormatVersion, profileSchema, type HardwareProfile } from './profile.ts';

const version = z.looseObject({ formatVersion: z.int().positive(), measurements: z.unknown() });

/**
 * Finds out before minutes of measuring whether the profile can be written; makes its folder.
 * @throws UsageError `profile-is-folder`; MachineError
 */
export async function prepareProfileFile(file: string): Promise<void> {
  const doing = `writing the hardware profile ${file}`;
  await makeFolder(dirname(file), { doing });
  try {
    const found = await stat(file).catch((error: unknown) => {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (found?.isDirectory() === true)
      throw new UsageError(`${file} is a folder`, { code: 'profile-is-folder', hint: 'name a file in it' });
    await access(found === undefined ? dirname(file) : file, constants.W_OK);
  } catch (error) {
    throw asMachineError(error, doing);
  }
}

/** @throws MachineError where it cannot be written */
export async function writeProfile(file: string, profile: HardwareProfile): Promise<void> {
  const doing = `writing the hardware profile ${file}`;
  await makeFolder(dirname(file), { doing });
  try {
    await writeFile(file, `${JSON.stringify(profile, undefined, 2)}\n`);
  } catch (error) {
    throw asMachineError(error, doing);
  }
}

/**
 * @throws UsageError `profile-not-found`, `profile-too-new`, and `not-a-profile` for a JSON file of another kind;
 * IntegrityError `profile-damaged`
 */
export async function readProfile(file: string): Promise<HardwareProfile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EISDIR')
      throw asMachineError(error, `reading the hardware profile ${file}`);
    throw new UsageError(`there is no hardware profile ${file}`, {
      code: 'profile-not-found',
      hint: 'make one with `restorelab hardware --out FILE`',
      cause: error,
    });
  }
  return parseProfile(text, file);
}

/** {@link readProfile} of text that is there already. */
export function parseProfile(text: string, file: string): HardwareProfile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damaged(file, (error as Error).message);
  }
  const found = version.safeParse(value);
  if (!found.success || !('measurements' in found.data)) {
    throw new UsageError(`${file} is not a hardware profile`, {
      code: 'not-a-profile',
      hint: 'give a file that `restorelab hardware --out FILE` wrote',
    });
  }
  if (found.data.formatVersion > profileFormatVersion) {
    throw new UsageError(
      `${file} has format version ${found.data.formatVersion}; this restorelab reads up to ${profileFormatVersion}`,
      { code: 'profile-too-new', hint: 'use the restorelab version that made the profile, or a newer one' },
    );
  }
  const checked = profileSchema.safeParse(value);
  if (!checked.success) throw damaged(file, z.prettifyError(checked.error).replaceAll('\n', ' '));
  return checked.data;
}

const damaged = (file: string, how: string): IntegrityError =>
  new IntegrityError(`${file} is damaged: ${how}`, { code: 'profile-damaged', hint: 'measure again' });

/** Where this machine's own profiles are kept, in the state folder. */
export const profileFolder = (stateFolder: string): string => join(stateFolder, 'hardware');

/** `2026-01-31T12-00-00Z.json`: sorts by time, and no file system refuses it. */
export const profileFileName = (measuredAt: string): string =>
  `${measuredAt.replace(/\.\d+Z$/u, 'Z').replaceAll(':', '-')}.json`;

/** The newest profile that was kept here, or undefined. */
export async function newestProfileFile(stateFolder: string): Promise<string | undefined> {
  const folder = profileFolder(stateFolder);
  const names = await readdir(folder).catch(() => []);
  const newest = names
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .at(-1);
  return newest === undefined ? undefined : join(folder, newest);
}
