import { MAX_UPLOADED_BLOB_BYTES } from '../../format/blob.ts';
import { digestRule, fileNameRule } from '../parameter-rules.ts';
import { isIntegerFrom, type ParameterRule, type ParameterRules } from '../parameters.ts';

/** Archives that one session can write (spec 5.2). */
export const MAX_WRITERS = 256;

/** Plain and encoded bytes of an uploaded chunk or blob (spec 12.1). */
const MAX_CHUNK_BYTES = 16_777_216;
const MIN_ENCODED_CHUNK_BYTES = 13;
const MIN_ENCODED_BLOB_BYTES = 12;

const wid: ParameterRule = { check: isIntegerFrom(1, MAX_WRITERS) };

type Endpoint = 'previous' | 'fixedIndex' | 'dynamicIndex' | 'chunk' | 'fixedClose' | 'dynamicClose' | 'blob' | 'none';

/** Parameters of the endpoints of a backup session (spec 5.2). */
export const backupRules: Readonly<Record<Endpoint, ParameterRules>> = {
  previous: { 'archive-name': fileNameRule },
  fixedIndex: {
    'archive-name': fileNameRule,
    'reuse-csum': { ...digestRule, isOptional: true },
    size: { check: isIntegerFrom(1), isOptional: true },
  },
  dynamicIndex: { 'archive-name': fileNameRule },
  chunk: {
    digest: digestRule,
    'encoded-size': { check: isIntegerFrom(MIN_ENCODED_CHUNK_BYTES, MAX_UPLOADED_BLOB_BYTES) },
    size: { check: isIntegerFrom(1, MAX_CHUNK_BYTES) },
    wid,
  },
  fixedClose: { 'chunk-count': { check: isIntegerFrom(0) }, csum: digestRule, size: { check: isIntegerFrom(0) }, wid },
  dynamicClose: {
    'chunk-count': { check: isIntegerFrom(1) },
    csum: digestRule,
    size: { check: isIntegerFrom(1) },
    wid,
  },
  blob: {
    'encoded-size': { check: isIntegerFrom(MIN_ENCODED_BLOB_BYTES, MAX_UPLOADED_BLOB_BYTES) },
    'file-name': fileNameRule,
  },
  none: {},
};
