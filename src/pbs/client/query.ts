import type { SnapshotPath } from '../format/snapshot-path.ts';

/** Parameters of a request by their names. */
export type QueryParameters = Readonly<Record<string, string | number | boolean>>;

/** In alphabetical order, as real clients send them. */
export function sortedQuery(parameters: QueryParameters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) query.set(name, String(value));
  query.sort();
  return query.toString();
}

/** What names a snapshot; a namespace only where it is not the root. */
export const snapshotParameters = ({ type, id, time }: SnapshotPath, namespace: string): QueryParameters => ({
  'backup-id': id,
  'backup-time': time,
  'backup-type': type,
  ...(namespace === '' ? {} : { ns: namespace }),
});
