import { monotonicClock } from '../clock/monotonic.ts';
import { exitCodes, UsageError, type ExitCode } from '../model/errors.ts';
import { placeText } from '../pbs/client/refusal.ts';
import { listRemoteSnapshots } from '../pbs/client/remote-snapshots.ts';
import { datastoreOf, serverOf } from '../pbs/client/remote.ts';
import { connectRest } from '../pbs/client/rest-client.ts';
import { formatGroup } from '../pbs/format/snapshot-path.ts';
import { markedGroup } from '../seed/seed-mark.ts';
import { forgetSnapshots, seededOnly } from '../seed/seeded-snapshots.ts';
import { confirm } from './confirm.ts';
import type { Edge } from './edge.ts';
import { givenImageOption, type ImageArguments } from './image-options.ts';
import { readRemote, type RemoteArguments } from './remote-options.ts';

export interface ForgetArguments extends RemoteArguments, ImageArguments {
  readonly group?: string | undefined;
  readonly yes: boolean;
  readonly json: boolean;
}

/** `seed --forget`: lists what was seeded, asks, and removes exactly what it has listed. */
export async function forgetSeeded(argv: ForgetArguments, edge: Edge): Promise<ExitCode> {
  const { stdout, interrupted: signal } = edge;
  const idle = givenImageOption(argv);
  if (idle !== undefined) {
    throw new UsageError(`--forget does not look at --${idle}`, {
      code: 'usage',
      hint: 'choose what to forget by --group, or --ns',
    });
  }
  const group = argv.group === undefined ? {} : { group: markedGroup(argv.group) };
  const remote = await readRemote(argv, edge);
  const place = datastoreOf(remote);
  await using rest = await connectRest({ ...serverOf(remote), clock: monotonicClock(), signal });
  const found = seededOnly(await listRemoteSnapshots(rest, { ...place, ...group }, signal));
  const where = placeText(place.store, place.namespace);
  const ofGroup = group.group === undefined ? '' : `group ${formatGroup(group.group)} of `;
  if (!argv.json) stdout.write(found.map(({ name }) => `${name}\n`).join(''));
  const what = found.length === 1 ? 'this snapshot' : `these ${found.length} snapshots`;
  if (found.length > 0 && !argv.yes) await confirm(`Remove ${what} from ${where}?`, edge, { skipWith: '--yes' });
  const forgotten: string[] = [];
  try {
    await forgetSnapshots(rest, place, found, { onForgotten: (name) => void forgotten.push(name), signal });
  } finally {
    // What is removed stays so, whatever came then.
    if (argv.json) stdout.write(`${JSON.stringify({ formatVersion: 1, forgotten }, null, 2)}\n`);
    else if (found.length === 0) stdout.write(`There are no seeded snapshots in ${ofGroup}${where}\n`);
    else stdout.write(removedText(forgotten.length, what, found.length));
  }
  return exitCodes.fine;
}

/** Fewer than were listed where one cannot be removed, or somebody else was there first. */
function removedText(removed: number, listed: string, listedCount: number): string {
  if (removed === 0) return 'Removed none of them\n';
  const which = removed === listedCount ? listed : `${removed} of ${listed}`;
  return `Removed ${which}; the garbage collection of the server frees the space of ${removed === 1 ? 'its' : 'their'} chunks\n`;
}
