import { metric, unavailable, type Metric, type UseRow } from '../../model/metric.ts';
import type { LinkCounters, StorageCounters, TrialCounters } from '../../model/records.ts';
import { carryingConnections } from '../carrying-connections.ts';
import { remoteRows } from './remote-rows.ts';
import {
  asShare,
  largestOfTrials,
  overTrials,
  totalErrors,
  type CountedTrial,
  type UseContext,
} from './use-context.ts';

const NO_RATE = unavailable('unsupported: no rate is declared for the link');

/** The emulated link, each direction, and the emulated storage; of a real server what can be told of them. */
export function emulationRows(context: UseContext): readonly UseRow[] {
  if (context.settings.server.kind === 'pbs') return remoteRows(context);
  return [...linkRows(context), ...storageRows(context)];
}

const directions = [
  { resource: 'link server to client', busy: 'busyToClientMs', bytes: 'bytesToClient' },
  { resource: 'link client to server', busy: 'busyToServerMs', bytes: 'bytesToServer' },
] as const;

const ofLink = ({ link }: TrialCounters, figure: (counters: LinkCounters) => Metric): Metric =>
  'unavailable' in link ? link : figure(link);

/** A rate is only ever what a counted amount is divided by: without a declared one there is no utilization. */
function linkRows({ trials, counted, settings: { link } }: UseContext): readonly UseRow[] {
  return directions.map(({ resource, busy, bytes }) => {
    const perConnection = link.connectionRateBytesPerSecond;
    let utilization: Metric = NO_RATE;
    let method = 'no rate is declared';
    if (link.rateBytesPerSecond !== undefined) {
      utilization = overTrials(trials, ({ counters }) => ofLink(counters, (figures) => figures[busy]));
      method = 'time in which bytes were paid out at the declared rate';
    } else if (perConnection !== undefined) {
      utilization = overTrials(
        trials,
        ({ counters }) => ofLink(counters, (figures) => metric((figures[bytes] * 1000) / perConnection)),
        ({ counters, spans, durationMs }) => durationMs * carryingConnections(counters, spans),
      );
      method = 'bytes over the declared rate of the connections that carried chunks';
    }
    return {
      resource,
      utilization: asShare(utilization),
      saturation: largestOfTrials(trials, ({ counters }) =>
        ofLink(counters, ({ peakQueuedBytes }) => metric(peakQueuedBytes)),
      ),
      saturationUnit: 'bytes inside the emulator in both directions, peak',
      errors: totalErrors(counted, (counters) => ofLink(counters, (figures) => metric(figures.errors))),
      method: `counted by the emulator: ${method}`,
    };
  });
}

function storageRows({ trials, counted: ofAllTrials, settings: { storage, server } }: UseContext): readonly UseRow[] {
  const counted = ({ counters }: CountedTrial, figure: (storage: StorageCounters) => Metric): Metric =>
    'unavailable' in counters.storage ? counters.storage : figure(counters.storage);
  const waiting = overTrials(trials, (trial) => counted(trial, ({ queueWaitMs }) => metric(queueWaitMs)));
  const errors = totalErrors(ofAllTrials, (counters) =>
    'unavailable' in counters.storage ? counters.storage : metric(counters.storage.errors),
  );
  return [
    {
      resource: 'storage slots',
      utilization: asShare(
        overTrials(
          trials,
          (trial) => counted(trial, ({ slotBusyMs }) => metric(slotBusyMs)),
          ({ durationMs }) => durationMs * storage.queueDepth * (server.processes ?? 1),
        ),
      ),
      saturation: waiting,
      saturationUnit: 'reads waiting for a place, mean',
      errors,
      method: 'counted by the emulated storage: places taken over queueDepth',
    },
    {
      resource: 'storage bandwidth',
      utilization: asShare(
        storage.bandwidthBytesPerSecond === undefined
          ? unavailable('unsupported: no bandwidth is declared for the storage')
          : overTrials(trials, (trial) => counted(trial, ({ bandwidthBusyMs }) => bandwidthBusyMs)),
      ),
      saturation: waiting,
      saturationUnit: 'reads waiting for a place, mean',
      errors,
      method: 'counted by the emulated storage: time in which the declared bandwidth was in use',
    },
  ];
}
