import { isNamespace } from '../format/namespace.ts';
import { backupTypes, isBackupType, type BackupGroup, type SnapshotPath } from '../format/snapshot-path.ts';
import { isIntegerFrom, isOneOf, matches, type ParameterRule, type ParameterRules } from './parameters.ts';

/** Also what a group's id, an archive's name and each part of a namespace are made of (spec 1.1): never a path. */
const safeId = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/u;

export const digestRule: ParameterRule = { check: matches(/^[a-f0-9]{64}$/u) };

/** Longer ones fit into no file system. */
const MAX_ID_LENGTH = 255;

/** 9999-12-31T23:59:59Z, the last that the name of a snapshot's folder can say. */
const MAX_TIME = 253_402_300_799;

const optional = (rule: ParameterRule): ParameterRule => ({ ...rule, isOptional: true });

export const storeRule: ParameterRule = { check: matches(safeId, { minLength: 3, maxLength: 32 }) };

export const fileNameRule: ParameterRule = { check: matches(safeId, { maxLength: MAX_ID_LENGTH }) };

const MAX_NAMESPACE_LENGTH = 256;

export const namespaceRule: ParameterRule = {
  check: (value) => {
    if (value.length > MAX_NAMESPACE_LENGTH) return `value may only be ${MAX_NAMESPACE_LENGTH} characters long`;
    return isNamespace(value) ? undefined : 'value does not match the regex pattern';
  },
  isOptional: true,
};

/** A part of a namespace. */
export const namespacePartRule: ParameterRule = { check: matches(safeId, { maxLength: MAX_ID_LENGTH }) };

export const groupRules: ParameterRules = {
  'backup-id': { check: matches(safeId, { maxLength: MAX_ID_LENGTH }) },
  'backup-type': { check: isOneOf(backupTypes) },
};

export const optionalGroupRules: ParameterRules = Object.fromEntries(
  Object.entries(groupRules).map(([name, rule]) => [name, optional(rule)]),
);

export const snapshotRules: ParameterRules = {
  'backup-id': { check: matches(safeId, { maxLength: MAX_ID_LENGTH }) },
  'backup-time': { check: isIntegerFrom(1, MAX_TIME) },
  'backup-type': { check: isOneOf(backupTypes) },
};

/** The group that parameters name which `groupRules` has let pass. */
export function groupOf(parameters: ReadonlyMap<string, string>): BackupGroup {
  const type = parameters.get('backup-type') ?? '';
  if (!isBackupType(type)) throw new Error(`a backup type ${type} passed its check`);
  return { type, id: parameters.get('backup-id') ?? '' };
}

/** The snapshot that parameters name which `snapshotRules` has let pass. */
export const snapshotOf = (parameters: ReadonlyMap<string, string>): SnapshotPath => ({
  ...groupOf(parameters),
  time: Number(parameters.get('backup-time')),
});
