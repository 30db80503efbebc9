import { metric, unavailable, type UseRow } from '../../model/metric.ts';
import { clientFigure, clientPartsOf } from '../client-parts.ts';
import {
  asShare,
  largestOfTrials,
  overTrials,
  timeBetween,
  type CountedTrial,
  type UseContext,
} from './use-context.ts';

const fetched = ({ spans }: CountedTrial): number =>
  spans?.fetchCalledMs.filter((moment) => moment !== null).length ?? 0;

/** The parts of the client through which every chunk goes. A part that fails fails its trial. */
export function clientRows({ trials, failedTrials }: UseContext): readonly UseRow[] {
  const errors =
    trials.length === 0 && failedTrials === 0 ? unavailable('not measured: no trial was run') : metric(failedTrials);
  return [
    {
      resource: 'event loop',
      utilization: asShare(
        overTrials(trials, ({ counters, durationMs }) => {
          const share = clientFigure(counters, (parts) => parts.eventLoopUtilization);
          return 'value' in share ? metric(share.value * durationMs) : share;
        }),
      ),
      saturation: overTrials(
        trials,
        ({ counters }) => clientFigure(counters, (parts) => parts.eventLoopDelayMs.p99),
        () => 1,
      ),
      saturationUnit: 'ms of delay, 99th percentile',
      errors,
      method: "the client's main loop (perf_hooks); mean of the trials; errors are failed trials",
    },
    {
      resource: 'fetch slots',
      utilization: asShare(
        overTrials(
          trials,
          (trial) => timeBetween(trial, 'fetchCalledMs', 'writtenMs'),
          ({ durationMs, knobs }) => durationMs * (knobs?.inFlight ?? 1),
        ),
      ),
      saturation: overTrials(trials, (trial) => timeBetween(trial, 'fetchCalledMs', 'requestSentMs')),
      saturationUnit: 'fetches that were called and not yet sent, mean',
      errors,
      method: 'chunks between call and written, mean, over inFlight; errors are failed trials',
    },
    {
      resource: 'decode pool',
      utilization: asShare(
        overTrials(
          trials,
          ({ counters }) => clientFigure(counters, (parts) => parts.decodeBusyMs),
          // Without decode threads the main thread decodes, one chunk at a time.
          ({ counters, durationMs }) => durationMs * Math.max(1, clientPartsOf(counters)?.decodeThreads ?? 1),
        ),
      ),
      saturation: overTrials(trials, (trial) => timeBetween(trial, 'decodeCalledMs', 'decodeStartedMs')),
      saturationUnit: 'chunks waiting for a decoder, mean',
      errors,
      method: 'time that decode threads spent on chunks over their time; errors are failed trials',
    },
    {
      resource: 'writer',
      utilization: asShare(overTrials(trials, ({ counters }) => clientFigure(counters, (parts) => parts.writeBusyMs))),
      saturation: overTrials(trials, (trial) => timeBetween(trial, 'writeCalledMs', 'writeStartedMs')),
      saturationUnit: 'chunks waiting for the writer, mean',
      errors,
      method: 'time in which a write was running; errors are failed trials',
    },
    {
      resource: 'reorder buffer',
      utilization: asShare(
        overTrials(
          trials,
          (trial) => timeBetween(trial, 'decodedMs', 'writeCalledMs'),
          ({ durationMs, knobs }) => durationMs * (knobs?.inFlight ?? 1),
        ),
      ),
      saturation: overTrials(trials, (trial) => timeBetween(trial, 'decodedMs', 'writeCalledMs'), fetched),
      saturationUnit: 'ms that a chunk was held for its turn, mean',
      errors,
      method: 'decoded chunks that waited for their turn, mean, over inFlight; errors are failed trials',
    },
    {
      resource: 'buffer',
      utilization: asShare(
        largestOfTrials(trials, ({ counters, knobs }) =>
          clientFigure(counters, ({ peakBufferedBytes }) =>
            knobs?.bufferBytes === undefined
              ? unavailable('not measured: the case does not name its strategy')
              : peakBufferedBytes / knobs.bufferBytes,
          ),
        ),
      ),
      saturation: overTrials(
        trials,
        ({ counters }) => clientFigure(counters, (parts) => parts.bufferWaits),
        () => 1,
      ),
      saturationUnit: 'fetches of a trial that waited for room',
      errors,
      method: 'encoded plus decoded bytes held at once, largest, over bufferBytes; errors are failed trials',
    },
    {
      resource: 'http/2 window',
      utilization: asShare(
        largestOfTrials(trials, ({ counters }) => clientFigure(counters, (parts) => parts.windowUtilization)),
      ),
      saturation: unavailable('unsupported: a receiver does not see what its full window held back'),
      errors,
      method: "largest share of the connection's receive window in use at once; errors are failed trials",
    },
  ];
}
