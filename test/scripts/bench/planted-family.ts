import { ratioOf, type Bound, type Family } from '../../../scripts/bench/family.ts';

export interface PlantedFamily {
  readonly name?: string;
  /** Values of `NAME-a` and `NAME-b` in each block; the last ones are repeated. */
  readonly blocks: readonly (readonly [a: number, b: number])[];
  readonly bound?: Bound;
  readonly minimumBlocks?: number;
  readonly maximumBlocks?: number;
  /** What each probe does, beside giving its value. */
  readonly onProbe?: (measurement: string) => void;
  readonly onOpen?: () => void;
  readonly onClose?: () => void;
}

/** A family of two measurements, `NAME-a` and `NAME-b`, and the ratio `NAME-a-over-b`. */
export function plantedFamily({
  name = 'planted',
  blocks,
  bound = { atLeast: 1 },
  minimumBlocks = 3,
  maximumBlocks,
  onProbe,
  onOpen,
  onClose,
}: PlantedFamily): Family {
  const names = [`${name}-a`, `${name}-b`] as const;
  return {
    name,
    measurements: names.map((measurement) => ({
      name: measurement,
      unit: 's',
      settings: `settings of ${measurement}`,
    })),
    ratios: [ratioOf(`${name}-a-over-b`, bound, names, (value) => ({ of: value(names[0]), to: value(names[1]) }))],
    minimumBlocks,
    ...(maximumBlocks === undefined ? {} : { maximumBlocks }),
    open: async (wanted, resources) => {
      onOpen?.();
      resources.defer(() => onClose?.());
      return names
        .filter((measurement) => wanted.has(measurement))
        .map((measurement) => {
          const side = measurement === names[0] ? 0 : 1;
          let block = 0;
          return {
            measurements: [measurement],
            measure: async () => {
              onProbe?.(measurement);
              const values = blocks[Math.min(block, blocks.length - 1)];
              block += 1;
              return [values?.[side] ?? Number.NaN];
            },
          };
        });
    },
  };
}
