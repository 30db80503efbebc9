import { MB, MiB } from '../../../src/model/units.ts';
import { ratioOf, type Family } from '../family.ts';
import { RestoreClient } from './restore-client.ts';
import { restoreScenario } from './restore-scenarios.ts';

/** Long enough for the end, when connections finish one after another, not to count. */
const SIZE_BYTES = 256 * MiB;
const counts = [1, 4] as const;
const nameOf = (connections: number): string => `connections-${connections}`;

/** What several connections gain where the network limits each of them. */
export function connectionsFamily({ folder }: { readonly folder: string }): Family {
  return {
    name: 'connections',
    measurements: counts.map((connections) => ({
      name: nameOf(connections),
      unit: 'MB/s',
      settings: `multi-connection with ${connections}, 16 in flight, 200 Mbit/s per connection`,
    })),
    ratios: [
      ratioOf('connections-4-over-1', { atLeast: 3.6 }, counts.map(nameOf), (rate) => ({
        of: rate(nameOf(4)),
        to: rate(nameOf(1)),
      })),
    ],
    minimumBlocks: 3,
    async open(wanted, resources) {
      const client = resources.use(await RestoreClient.start(folder));
      const scenario = restoreScenario({
        sizeBytes: SIZE_BYTES,
        compressionRatio: 1,
        strategies: counts.map(
          (connections) =>
            `{ name: multi-connection, label: c${connections}, inFlight: 16, connections: ${connections} }`,
        ),
        more: ['link: { roundTrip: 1 ms, connectionRate: 200 Mbit/s }'],
      });
      await client.prepare(scenario);
      return counts
        .filter((connections) => wanted.has(nameOf(connections)))
        .map((connections) => ({
          measurements: [nameOf(connections)],
          measure: async () => {
            const order = { scenario, strategy: `c${connections}`, recording: true };
            const { dataBytes, durationMs } = await client.restore(order);
            return [dataBytes / MB / (durationMs / 1000)];
          },
        }));
    },
  };
}
