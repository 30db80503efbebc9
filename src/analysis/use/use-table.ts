import type { UseRow } from '../../model/metric.ts';
import { clientRows } from './client-rows.ts';
import { emulationRows } from './emulation-rows.ts';
import { networkRows } from './network-rows.ts';
import { processorRows } from './processor-rows.ts';
import { processRows } from './process-rows.ts';
import { storageDeviceRows } from './storage-device-rows.ts';
import { useContext, type RowBuilder, type UseData } from './use-context.ts';

/** In the order of the table: the run's own parts first, then the machine under them. */
const rowBuilders: readonly RowBuilder[] = [
  clientRows,
  processRows,
  emulationRows,
  processorRows,
  storageDeviceRows,
  networkRows,
];

/**
 * Utilization (0..1), saturation and errors of every resource on the path, for one case: over the measured trials of the
 * strategy with that label, which is what tells strategies apart, or of all strategies of the case without one. Figures
 * are ratios of sums over those trials, so that longer trials weigh more; sampled ones use only what lies inside them.
 */
export function useTable(data: UseData, strategyLabel?: string): readonly UseRow[] {
  const context = useContext(data, strategyLabel);
  return rowBuilders.flatMap((build) => build(context));
}
