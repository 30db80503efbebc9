import type { HeaderField } from './header-field.ts';

const field = (name: string, value = ''): HeaderField => ({ name, value });

/** RFC 7541 appendix A, the first at index 1. */
const fields: readonly HeaderField[] = [
  field(':authority'),
  field(':method', 'GET'),
  field(':method', 'POST'),
  field(':path', '/'),
  field(':path', '/index.html'),
  field(':scheme', 'http'),
  field(':scheme', 'https'),
  field(':status', '200'),
  field(':status', '204'),
  field(':status', '206'),
  field(':status', '304'),
  field(':status', '400'),
  field(':status', '404'),
  field(':status', '500'),
  field('accept-charset'),
  field('accept-encoding', 'gzip, deflate'),
  field('accept-language'),
  field('accept-ranges'),
  field('accept'),
  field('access-control-allow-origin'),
  field('age'),
  field('allow'),
  field('authorization'),
  field('cache-control'),
  field('content-disposition'),
  field('content-encoding'),
  field('content-language'),
  field('content-length'),
  field('content-location'),
  field('content-range'),
  field('content-type'),
  field('cookie'),
  field('date'),
  field('etag'),
  field('expect'),
  field('expires'),
  field('from'),
  field('host'),
  field('if-match'),
  field('if-modified-since'),
  field('if-none-match'),
  field('if-range'),
  field('if-unmodified-since'),
  field('last-modified'),
  field('link'),
  field('location'),
  field('max-forwards'),
  field('proxy-authenticate'),
  field('proxy-authorization'),
  field('range'),
  field('referer'),
  field('refresh'),
  field('retry-after'),
  field('server'),
  field('set-cookie'),
  field('strict-transport-security'),
  field('transfer-encoding'),
  field('user-agent'),
  field('vary'),
  field('via'),
  field('www-authenticate'),
];

/** Fields of the static table; the dynamic one continues its index space (RFC 7541 2.3.3). */
export const STATIC_FIELDS: number = fields.length;

interface StaticName {
  /** The first with this name. */
  readonly index: number;
  readonly indexOfValue: Map<string, number>;
}

const names = new Map<string, StaticName>();
for (const [position, { name, value }] of fields.entries()) {
  const index = position + 1;
  const entry = names.get(name) ?? { index, indexOfValue: new Map<string, number>() };
  entry.indexOfValue.set(value, index);
  names.set(name, entry);
}

/** The field at an index from 1 to {@link STATIC_FIELDS}; undefined elsewhere. */
export const staticField = (index: number): HeaderField | undefined => fields[index - 1];

/** Index of a field that is there with this value; 0 without. */
export const staticIndexOfField = ({ name, value }: HeaderField): number =>
  names.get(name)?.indexOfValue.get(value) ?? 0;

/** Index of the first field with this name; 0 without. */
export const staticIndexOfName = (name: string): number => names.get(name)?.index ?? 0;
