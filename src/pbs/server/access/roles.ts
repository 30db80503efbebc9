/** What a user or token may do; names of PBS (spec 2.7). */
export const privileges = [
  'Datastore.Allocate',
  'Datastore.Audit',
  'Datastore.Backup',
  'Datastore.Modify',
  'Datastore.Prune',
  'Datastore.Read',
  'Datastore.Verify',
  'Sys.Audit',
] as const;
export type Privilege = (typeof privileges)[number];

/** The roles of PBS that matter to a datastore. */
export const roleNames = [
  'NoAccess',
  'Admin',
  'Audit',
  'DatastoreAdmin',
  'DatastoreAudit',
  'DatastoreBackup',
  'DatastorePowerUser',
  'DatastoreReader',
] as const;
export type RoleName = (typeof roleNames)[number];

/** What each of them may do (spec 2.7). */
export const roles: Readonly<Record<RoleName, readonly Privilege[]>> = {
  NoAccess: [],
  Admin: privileges,
  Audit: ['Sys.Audit', 'Datastore.Audit'],
  DatastoreAdmin: privileges.filter((privilege) => privilege.startsWith('Datastore.')),
  DatastoreAudit: ['Datastore.Audit'],
  DatastoreBackup: ['Datastore.Backup'],
  DatastorePowerUser: ['Datastore.Backup', 'Datastore.Prune'],
  DatastoreReader: ['Datastore.Audit', 'Datastore.Read', 'Datastore.Verify'],
};
