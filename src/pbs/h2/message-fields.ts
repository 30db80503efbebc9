import type { HeaderFields } from '../transport/transport.ts';
import type { HeaderField } from './hpack/header-field.ts';

/** A header list as a message: pseudo fields without their colon, and the others. */
export interface MessageFields {
  readonly pseudo: ReadonlyMap<string, string>;
  readonly headers: HeaderFields;
}

const requestPseudo: ReadonlySet<string> = new Set(['method', 'scheme', 'authority', 'path']);
const responsePseudo: ReadonlySet<string> = new Set(['status']);
const noPseudo: ReadonlySet<string> = new Set();

/** These belong to HTTP/1.1 (RFC 9113 section 8.2.2). */
const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** A token of RFC 9110 section 5.6.2, without upper case (RFC 9113 section 8.2.1). */
const namePattern = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/u;

/** Neither NUL, CR nor LF, and no blanks around (RFC 9113 section 8.2.1). */
const valuePattern = /^(?![\t ])[^\0\r\n]*(?<![\t ])$/u;

/** Sorts a header list; undefined with what is wrong where the message is malformed (RFC 9113 sections 8.2 and 8.3). */
function sort(
  fields: readonly HeaderField[],
  allowed: ReadonlySet<string>,
): MessageFields | { readonly malformed: string } {
  const pseudo = new Map<string, string>();
  const headers: Record<string, string> = {};
  let hasRegular = false;
  for (const { name, value } of fields) {
    if (!valuePattern.test(value)) return { malformed: 'a field has a value that no field may have' };
    if (name.startsWith(':')) {
      const key = name.slice(1);
      if (hasRegular) return { malformed: 'a pseudo field behind the others' };
      if (!allowed.has(key)) return { malformed: 'a pseudo field that does not belong there' };
      if (pseudo.has(key)) return { malformed: `two :${key}` };
      pseudo.set(key, value);
      continue;
    }
    hasRegular = true;
    if (!namePattern.test(name)) return { malformed: 'a field has a name that no field may have' };
    if (connectionFields.has(name)) return { malformed: `the field ${name} belongs to HTTP/1.1` };
    if (name === 'te' && value !== 'trailers') return { malformed: 'te other than trailers' };
    // A field may have the name of something that every object has: `constructor`.
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
    // RFC 9113 section 8.2.3 for cookies, RFC 9110 section 5.3 for the others.
    headers[name] = before === undefined ? value : `${before}${name === 'cookie' ? '; ' : ', '}${value}`;
  }
  return { pseudo, headers };
}

export type CheckedFields = MessageFields | { readonly malformed: string };

/** A request must say method, scheme and path (RFC 9113 section 8.3.1); CONNECT is of no use here. */
export function requestFields(fields: readonly HeaderField[]): CheckedFields {
  const sorted = sort(fields, requestPseudo);
  if ('malformed' in sorted) return sorted;
  for (const name of ['method', 'scheme', 'path'])
    if (!sorted.pseudo.has(name)) return { malformed: `there is no :${name}` };
  if (sorted.pseudo.get('path') === '') return { malformed: 'an empty :path' };
  return sorted;
}

export function responseFields(fields: readonly HeaderField[]): CheckedFields {
  const sorted = sort(fields, responsePseudo);
  if ('malformed' in sorted) return sorted;
  if (!/^[1-9]\d\d$/u.test(sorted.pseudo.get('status') ?? '')) return { malformed: 'there is no :status' };
  return sorted;
}

/** Trailers have no pseudo fields (RFC 9113 section 8.1). */
export function trailerFields(fields: readonly HeaderField[]): CheckedFields {
  return sort(fields, noPseudo);
}

/** What a content-length says; undefined where there is none, NaN where it is no length. */
export function contentLength({ 'content-length': declared }: HeaderFields): number | undefined {
  if (declared === undefined) return undefined;
  return /^\d{1,15}$/u.test(declared) ? Number(declared) : Number.NaN;
}
