import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Secrets that were given to a program, and the search for them in whatever it put out. */
export class PlantedSecrets {
  readonly #forms: readonly { readonly name: string; readonly form: string; readonly bytes: Buffer }[];

  /** @param secrets by what they are */
  constructor(secrets: Readonly<Record<string, string | Uint8Array>>) {
    this.#forms = Object.entries(secrets).flatMap(([name, secret]) => {
      const bytes = Buffer.from(secret);
      const text = bytes.toString('utf8');
      const forms = {
        'as it is': bytes,
        'in JSON': Buffer.from(JSON.stringify(text).slice(1, -1)),
        'percent-encoded': Buffer.from(encodeURIComponent(text)),
        'in base64': Buffer.from(bytes.toString('base64').replace(/=+$/u, '')),
        'in hex': Buffer.from(bytes.toString('hex')),
      };
      return Object.entries(forms).map(([form, formed]) => ({ name, form, bytes: formed }));
    });
  }

  /** What of them is in the bytes: `the password in base64`. */
  find(haystack: string | Uint8Array): readonly string[] {
    const bytes = Buffer.from(haystack);
    return this.#forms.filter((one) => bytes.includes(one.bytes)).map(({ name, form }) => `${name} ${form}`);
  }

  /** Looks through all files below a folder. Returns how many there were. */
  async assertAbsentBelow(folder: string): Promise<number> {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    for (const file of files) {
      assert.deepEqual(this.find(file), [], `the name of ${file}`);
      assert.deepEqual(this.find(await readFile(file)), [], file);
    }
    return files.length;
  }
}
