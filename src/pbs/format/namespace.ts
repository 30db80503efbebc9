import { UsageError } from '../../model/errors.ts';

/** Parts below the root (spec 1.3). */
export const MAX_NAMESPACE_DEPTH = 7;
const MAX_LENGTH = 256;

const partPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/u;

/** Whether this is the name of a namespace, such as `a/b` or, of the root, the empty text: never a path. */
export const isNamespace = (text: string): boolean => partsOf(text) !== undefined;

/**
 * The parts of a namespace such as `a/b`; none for the root, which is the empty text. A part is never a path.
 * @throws UsageError `namespace`
 */
export function parseNamespace(text: string): readonly string[] {
  const parts = partsOf(text);
  if (parts !== undefined) return parts;
  throw new UsageError(`${JSON.stringify(text.slice(0, MAX_LENGTH))} is not the name of a namespace`, {
    code: 'namespace',
    hint: `namespaces are at most ${MAX_NAMESPACE_DEPTH} names of letters, digits, dots, dashes and underscores, joined with slashes: a/b`,
  });
}

function partsOf(text: string): readonly string[] | undefined {
  if (text === '') return [];
  const parts = text.split('/');
  const isRight =
    text.length <= MAX_LENGTH && parts.length <= MAX_NAMESPACE_DEPTH && parts.every((part) => partPattern.test(part));
  return isRight ? parts : undefined;
}
