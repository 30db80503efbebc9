import type { ProfileReport } from '../model/profile.ts';
import { formatShare } from '../model/units.ts';
import { numberColumn, textColumn, type Table } from './table.ts';

/** What every format says of a profile before its tables. */
export function profileSentences({ tool, process, strategy, covers, verdict }: ProfileReport): readonly string[] {
  return [
    `${tool.name} ${tool.version.replace(/^v/u, '')} watched the ${process} while ${strategy} ran. ${covers}`,
    'It slows down what it watches: no speed or CPU figure of this run is comparable with those of other runs.',
    ...(verdict === undefined ? [] : [verdict]),
  ];
}

/** By thread, from the hottest down; without rows the note says why. */
export function hotFunctionsTable({ hotFunctions }: ProfileReport): Table {
  const found = 'unavailable' in hotFunctions ? [] : hotFunctions;
  return {
    title: 'Hottest functions',
    note:
      'unavailable' in hotFunctions
        ? `Hottest functions: ${hotFunctions.unavailable}`
        : 'Share of the samples in which the thread was not idle.',
    columns: [numberColumn('self'), textColumn('function'), textColumn('where'), textColumn('thread')],
    rows: found.map(({ selfShare, name, location, caller, thread }) => [
      formatShare(selfShare),
      name,
      `${location ?? 'native'}${caller === undefined ? '' : `, for ${caller}`}`,
      thread,
    ]),
  };
}

/** Address of a file of the profile, from the reports beside its folder. */
export function profileLink(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
