import { isIntegerFrom, matches, type ParameterRule, type ParameterRules } from '../parameters.ts';

/** Archives that one session can write (spec 5.2). */
export const MAX_WRITERS = 256;

/** Plain and encoded bytes of an uploaded chunk or blob (spec 12.1). */
const MAX_CHUNK_BYTES = 16_777_216;
const MIN_ENCODED_CHUNK_BYTES = 13;
const MIN_ENCODED_BLOB_BYTES = 12;
const MAX_ENCODED_BYTES = 16_777_260;

const digest: ParameterRule = { check: matches(/^[a-f0-9]{64}$/u) };
const archiveName: ParameterRule = { check: matches(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/u, { maxLength: 255 }) };
const wid: ParameterRule = { check: isIntegerFrom(1, MAX_WRITERS) };

type Endpoint = 'previous' | 'fixedIndex' | 'dynamicIndex' | 'chunk' | 'fixedClose' | 'dynamicClose' | 'blob' | 'none';

/** Parameters of the endpoints of a backup session (spec 5.2). */
export const backupRules: Readonly<Record<Endpoint, ParameterRules>> = {
  previous: { 'archive-name': archiveName },
  fixedIndex: {
    'archive-name': archiveName,
    'reuse-csum': { ...digest, isOptional: true },
    size: { check: isIntegerFrom(1), isOptional: true },
  },
  dynamicIndex: { 'archive-name': archiveName },
  chunk: {
    digest,
    'encoded-size': { check: isIntegerFrom(MIN_ENCODED_CHUNK_BYTES, MAX_ENCODED_BYTES) },
    size: { check: isIntegerFrom(1, MAX_CHUNK_BYTES) },
    wid,
  },
  fixedClose: { 'chunk-count': { check: isIntegerFrom(0) }, csum: digest, size: { check: isIntegerFrom(0) }, wid },
  dynamicClose: { 'chunk-count': { check: isIntegerFrom(1) }, csum: digest, size: { check: isIntegerFrom(1) }, wid },
  blob: {
    'encoded-size': { check: isIntegerFrom(MIN_ENCODED_BLOB_BYTES, MAX_ENCODED_BYTES) },
    'file-name': archiveName,
  },
  none: {},
};
