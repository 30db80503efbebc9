import { UsageError } from '../../model/errors.ts';

const partPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/u;

/** Parts below the root (spec 1.3). */
const MAX_PARTS = 7;
const MAX_LENGTH = 256;

/**
 * The parts of a namespace such as `a/b`; none for the root, which is the empty text. A part is never a path.
 * @throws UsageError `namespace`
 */
export function parseNamespace(text: string): readonly string[] {
  if (text === '') return [];
  const parts = text.split('/');
  if (text.length <= MAX_LENGTH && parts.length <= MAX_PARTS && parts.every((part) => partPattern.test(part)))
    return parts;
  throw new UsageError(`${JSON.stringify(text.slice(0, MAX_LENGTH))} is not the name of a namespace`, {
    code: 'namespace',
    hint: `namespaces are at most ${MAX_PARTS} names of letters, digits, dots, dashes and underscores, joined with slashes: a/b`,
  });
}
