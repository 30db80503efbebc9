import type { ProfileReport } from '../model/profile.ts';
import { hotFunctionsTable, profileSentences } from './profile-tables.ts';
import { clean, wrap } from './wrapped-text.ts';

const GAP = '  ';

/** What a profiler found, as lines for a terminal; the last one is empty. */
export function profileLines(profile: ProfileReport, wrapAt: number, width: number): readonly string[] {
  const { columns, rows, note = '' } = hotFunctionsTable(profile);
  const lines = (rows.length === 0 ? [] : [columns.map(({ name }) => name), ...rows]).map((row) => row.map(clean));
  const sizes = columns.map((_, column) => Math.max(...lines.map((row) => row[column]?.length ?? 0)));
  return [
    ...profileSentences(profile).flatMap((sentence) => wrap(sentence, wrapAt)),
    ...profile.files.flatMap(({ path, what }) => wrap(`${path}: ${what}`, wrapAt)),
    '',
    ...lines.map((row) =>
      row
        .map((text, column) => {
          const size = sizes[column] ?? 0;
          return columns[column]?.align === 'right' ? text.padStart(size) : text.padEnd(size);
        })
        .join(GAP)
        .trimEnd()
        .slice(0, width),
    ),
    ...wrap(note, wrapAt),
    '',
  ];
}
