import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import * as fc from 'fast-check';

import {
  newestProfileFile,
  parseProfile,
  profileFileName,
  profileFolder,
  readProfile,
  writeProfile,
} from '../../src/hardware/profile-file.ts';
import { profileFormatVersion } from '../../src/hardware/profile.ts';
import { KnownError } from '../../src/model/errors.ts';
import { plantedProfile } from './planted-profile.ts';

const folder = await mkdtemp(join(tmpdir(), 'restorelab-profile-'));
after(async () => await rm(folder, { recursive: true, force: true }));

const failsWith = (code: string, exitCode: number) => (error: unknown) =>
  error instanceof KnownError && error.code === code && error.exitCode === exitCode;

const text = JSON.stringify(plantedProfile());

describe('the file of a hardware profile', () => {
  it('gives back what was written, into folders that were not there', async () => {
    const file = join(folder, 'deep', 'one.json');
    await writeProfile(file, plantedProfile());
    assert.deepEqual(await readProfile(file), plantedProfile());
  });

  it('is refused politely when a newer version wrote it', () => {
    const newer = JSON.stringify({ ...plantedProfile(), formatVersion: profileFormatVersion + 1, host: 'other' });
    assert.throws(() => parseProfile(newer, 'a.json'), failsWith('profile-too-new', 2));
  });

  it('may hold fields that this version does not know', () => {
    assert.ok(parseProfile(JSON.stringify({ ...plantedProfile(), weather: 'cold' }), 'a.json'));
  });

  it('is missed with a way to make one', async () => {
    await assert.rejects(readProfile(join(folder, 'none.json')), failsWith('profile-not-found', 2));
    await assert.rejects(readProfile(folder), failsWith('profile-not-found', 2));
  });

  it('is told from JSON of another kind', () => {
    for (const other of ['{}', '[]', '3', 'null', '{"formatVersion":1,"cases":[]}'])
      assert.throws(() => parseProfile(other, 'a.json'), failsWith('not-a-profile', 2));
  });

  it('is damaged when cut short, and where a figure is none', () => {
    assert.throws(() => parseProfile(text.slice(0, -20), 'a.json'), failsWith('profile-damaged', 1));
    assert.throws(
      () => parseProfile(text.replace('"cores":4', '"cores":"4"'), 'a.json'),
      (error: unknown) => {
        assert.ok(error instanceof KnownError);
        assert.match(error.message, /^a\.json is damaged: .*host\.cores/u);
        return error.code === 'profile-damaged';
      },
    );
  });

  it('never fails in another way, whatever is in it', () => {
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), (at, replacement) => {
        try {
          parseProfile(text.slice(0, at) + replacement + text.slice(at + 1), 'a.json');
        } catch (error) {
          assert.ok(error instanceof KnownError, String(error));
        }
      }),
    );
  });
});

describe("this machine's newest profile", () => {
  it('is the one with the latest time in its name', async () => {
    const state = join(folder, 'state');
    assert.equal(await newestProfileFile(state), undefined);
    for (const measuredAt of ['2026-02-01T00:00:00.123Z', '2026-10-01T00:00:00.000Z', '2026-09-01T00:00:00.000Z'])
      await writeProfile(join(profileFolder(state), profileFileName(measuredAt)), plantedProfile());
    await writeFile(join(profileFolder(state), 'zzz.txt'), '');
    assert.equal(await newestProfileFile(state), join(profileFolder(state), '2026-10-01T00-00-00Z.json'));
  });
});
