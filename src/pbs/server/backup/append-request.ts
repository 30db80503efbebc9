import { isDigest } from '../../format/digest.ts';
import { ParameterRefusal, Refusal } from '../refusal.ts';
import type { BodyFields } from '../body-fields.ts';
import { MAX_WRITERS } from './backup-parameters.ts';

export interface AppendRequest {
  readonly wid: number;
  readonly entries: readonly { readonly digest: string; readonly offset: number }[];
}

const names = ['digest-list', 'offset-list', 'wid'] as const;

/**
 * What the body of `PUT /fixed_index` and `PUT /dynamic_index` asks for (spec 5.4).
 * @throws Refusal 400
 */
export function readAppendRequest(fields: BodyFields): AppendRequest {
  const values = new Map(fields);
  for (const name of values.keys()) {
    if (!(names as readonly string[]).includes(name)) throw wrong(name, 'schema does not allow additional properties.');
  }
  for (const name of names) {
    if (!values.has(name)) throw wrong(name, 'parameter is missing and it is not optional.');
  }
  const digests = listOf(values, 'digest-list', (value) => {
    if (typeof value !== 'string') return 'Expected string value.';
    return isDigest(value) ? undefined : 'value does not match the regex pattern';
  }) as readonly string[];
  const offsets = listOf(values, 'offset-list', (value) => {
    if (!Number.isSafeInteger(value)) return 'Expected integer value.';
    return (value as number) < 0 ? `value must have a minimum value of 0 (got ${String(value)})` : undefined;
  }) as readonly number[];
  const wid = values.get('wid');
  if (typeof wid !== 'number' || !Number.isInteger(wid)) throw wrong('wid', 'Expected integer value.');
  if (wid < 1) throw wrong('wid', `value must have a minimum value of 1 (got ${wid})`);
  if (wid > MAX_WRITERS) throw wrong('wid', `value must have a maximum value of ${MAX_WRITERS} (got ${wid})`);
  if (digests.length !== offsets.length)
    throw new Refusal(400, `offset list has wrong length (${offsets.length} != ${digests.length})`);
  return { wid, entries: digests.map((digest, index) => ({ digest, offset: offsets[index] ?? 0 })) };
}

function listOf(
  values: ReadonlyMap<string, unknown>,
  name: string,
  check: (value: unknown) => string | undefined,
): readonly unknown[] {
  const list = values.get(name);
  if (!Array.isArray(list)) throw wrong(name, 'Expected array - got scalar value.');
  for (const [index, value] of list.entries()) {
    const reason = check(value);
    if (reason !== undefined) throw wrong(`${name}/[${index}]`, reason);
  }
  return list;
}

const wrong = (name: string, reason: string): ParameterRefusal =>
  new ParameterRefusal(400, `parameter verification failed - '${name}': ${reason}`);
