import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

import { metric, unavailable, type Metric } from '../model/metric.ts';
import type { ClientCounters } from '../model/records.ts';

/**
 * How often the delay is looked at. Each look wakes the loop: on an idle one 7.8 ms of CPU per second at 10 ms, 4.6 at
 * 20 ms and 1.6 at 50 ms (schedstat of the main thread over 4 s, Node 24.21). At 20 ms that is half a percent of a
 * core, less on a loop that is awake anyway, and every stall that is longer is seen.
 */
const RESOLUTION_MS = 20;

export type EventLoopFigures = Pick<ClientCounters, 'eventLoopUtilization' | 'eventLoopDelayMs'>;

/** A measurement of this thread's event loop that is under way. */
export interface EventLoopWatch {
  /** Figures since `watchEventLoop`; ends the measurement. */
  stop(): EventLoopFigures;
}

/** Starts to measure the event loop of the calling thread: how busy it is, and how late its timers come. */
export function watchEventLoop(): EventLoopWatch {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const before = performance.eventLoopUtilization();
  return {
    stop() {
      const { utilization } = performance.eventLoopUtilization(before);
      histogram.disable();
      // The histogram holds the time between two looks: what exceeds the resolution is the delay.
      const delay = (nanoseconds: number): Metric =>
        histogram.count === 0
          ? unavailable(`not sampled: shorter than ${RESOLUTION_MS} ms`)
          : metric(Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS));
      return {
        eventLoopUtilization: metric(utilization),
        eventLoopDelayMs: {
          p50: delay(histogram.percentile(50)),
          p99: delay(histogram.percentile(99)),
          max: delay(histogram.max),
        },
      };
    },
  };
}
