import { z } from 'zod';

import type {
  HistorySettings,
  ImageSettings,
  LinkSettings,
  ServerSettings,
  StorageSettings,
  StrategySettings,
  TargetSettings,
  TransportSettings,
  TrialSettings,
} from '../model/environment.ts';
import { DEFAULT_SEED, historySchema, imageSchema, seed } from './image-schema.ts';
import { linkSchema } from './link-schema.ts';
import { fieldsOf, unwrappedField } from './schema-walk.ts';
import { refuseConflicts } from './section-conflicts.ts';
import { serverSchema } from './server-schema.ts';
import { storageSchema } from './storage-schema.ts';
import { defaultStrategies, strategySchema } from './strategy-schema.ts';
import { targetSchema } from './target-schema.ts';
import { text } from './text-schema.ts';
import { transportSchema } from './transport-schema.ts';
import { trialsSchema } from './trials-schema.ts';

/** Version of the scenario format. Newer ones are refused. */
export const scenarioFormatVersion = 1;

/** The sections that a case of the matrix can differ in, beside the knobs of strategies. */
export const caseSections: Readonly<Record<CaseSection, z.ZodType>> = {
  server: serverSchema,
  link: linkSchema,
  transport: transportSchema,
  storage: storageSchema,
  image: imageSchema,
  history: historySchema,
  target: targetSchema,
};
export type CaseSection = 'server' | 'link' | 'transport' | 'storage' | 'image' | 'history' | 'target';

/** One case of a scenario in base units; paths are still as written. */
export interface ParsedScenario {
  readonly formatVersion: typeof scenarioFormatVersion;
  readonly name: string;
  readonly description?: string | undefined;
  readonly source?: string | undefined;
  readonly seed: string;
  readonly server: ServerSettings;
  readonly link: LinkSettings;
  readonly transport: TransportSettings;
  readonly storage: StorageSettings;
  readonly image: ImageSettings;
  readonly history: HistorySettings;
  readonly target: TargetSettings;
  readonly strategies: readonly StrategySettings[];
  readonly trials: TrialSettings;
  /** Values as written, by dotted path. */
  readonly matrix?: Readonly<Record<string, readonly unknown[]>> | undefined;
  readonly objectives: readonly string[];
}

/** A scenario file. */
export const scenarioSchema: z.ZodType<ParsedScenario> = z
  .strictObject({
    formatVersion: z.literal(scenarioFormatVersion).meta({ description: 'Version of this format.' }),
    name: text({
      description: 'Short name; part of the name of the run directory.',
      example: 'wan-25ms',
      noun: 'a name',
      allowed: 'at most 64 letters, digits, `.`, `_` and `-`, beginning with a letter or digit',
      pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/u,
    }),
    description: z.string().optional().meta({ description: 'What the scenario shows, what to expect and why.' }),
    source: z.string().optional().meta({ description: 'Where the complaint or the figure is from.' }),
    seed: seed('The order of trials is shuffled with it.').prefault(DEFAULT_SEED),
    server: serverSchema.prefault({ kind: 'embedded' }),
    link: linkSchema.prefault({}),
    transport: transportSchema.prefault({}),
    storage: storageSchema.prefault({}),
    image: imageSchema.prefault({}),
    history: historySchema.prefault({}),
    target: targetSchema.prefault({ kind: 'discard' }),
    strategies: z
      .array(strategySchema)
      .min(1)
      .max(50)
      .prefault([...defaultStrategies])
      .meta({ description: 'What is compared. The verdict of a report speaks of the first one.' }),
    trials: trialsSchema.prefault({}),
    matrix: matrixSchema().optional(),
    objectives: z
      .array(z.string())
      .prefault([])
      .meta({
        description:
          'What is acceptable, in every case of the matrix; the run ends with 1 otherwise. A throughput names its rate.',
        examples: [
          ['window-unordered.throughput.data >= 2.5 * sequential.throughput.data', 'window-unordered.duration < 20 s'],
        ],
      }),
  })
  .superRefine(refuseConflicts)
  .meta({
    title: 'restorelab scenario',
    description: 'What to emulate, which restore strategies to run, how often, and what is acceptable.',
  });

/** JSON Schema (draft 7, the one that YAML editors know) of what is written in a scenario file. */
export function scenarioJsonSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(scenarioSchema, {
    io: 'input',
    target: 'draft-7',
    // zod drops the examples of schemas that transform, since it cannot know that ours are examples of the input.
    override({ zodSchema, jsonSchema }) {
      const examples = z.globalRegistry.get(zodSchema)?.['examples'];
      if (Array.isArray(examples)) jsonSchema['examples'] = examples;
    },
  });
}

function matrixSchema(): z.ZodType<Readonly<Record<string, readonly unknown[]>>> {
  const shape: Record<string, z.ZodType> = {};
  for (const [section, schema] of Object.entries(caseSections)) {
    shape[section] = values(schema);
    for (const [field, fieldSchema] of Object.entries(fieldsOf(schema))) {
      if (field !== 'kind') shape[`${section}.${field}`] = values(unwrappedField(fieldSchema));
    }
  }
  const schema = z
    .object(shape)
    .catchall(z.array(z.unknown()).min(1))
    .meta({
      description:
        'Dotted path of a key -> its values; one case for each combination. Knobs: `strategies.0.inFlight` or `LABEL.inFlight`.',
      examples: [{ 'link.roundTrip': ['0 ms', '10 ms', '30 ms'], 'window-unordered.inFlight': [4, 16] }],
    });
  return schema as unknown as z.ZodType<Readonly<Record<string, readonly unknown[]>>>;
}

function values(schema: z.core.$ZodType): z.ZodType {
  return z.array(schema).min(1).optional();
}
