import { z } from 'zod';

import { trialOrders, type TrialSettings } from '../model/environment.ts';
import { count, quantity } from './quantity-schema.ts';

/** More than a day is a slip of the unit. */
const LONGEST_BUDGET = { value: 24 * 60 * 60e3, text: '1440 min' } as const;

/** `trials:` */
export const trialsSchema: z.ZodType<TrialSettings> = z
  .strictObject({
    repeats: count({
      description: 'Measured trials of each strategy in each case.',
      min: 1,
      max: 10_000,
      example: 5,
    }).prefault(5),
    warmUp: count({
      description: 'Trials before them that are run and recorded but do not count.',
      min: 0,
      max: 1000,
      example: 1,
    }).prefault(1),
    order: z.enum(trialOrders).prefault('interleaved').meta({
      description:
        'interleaved: blocks that hold every case and strategy once, shuffled. grouped: all trials of one strategy together.',
    }),
    timeBudget: quantity('duration', {
      description:
        'No new block starts once this much time has gone into trials; the first measured block always runs. No limit without it.',
      examples: ['60 s', '3 min'],
      positive: true,
      max: LONGEST_BUDGET,
    }).optional(),
    recording: z.enum(['on', 'off']).prefault('on').meta({
      description: 'Whether spans of chunks are recorded and resources are sampled; off measures throughput only.',
    }),
    stallTimeout: quantity('duration', {
      description: 'A trial in which no chunk arrives for so long has failed.',
      examples: ['30 s'],
      positive: true,
      max: LONGEST_BUDGET,
    }).prefault('30 s'),
  })
  .transform(({ repeats, warmUp, order, timeBudget, recording, stallTimeout }): TrialSettings => ({
    repeats,
    warmUp,
    order,
    ...(timeBudget === undefined ? {} : { timeBudgetMs: timeBudget }),
    recording: recording === 'on',
    stallTimeoutMs: stallTimeout,
  }))
  .meta({ description: 'How often each strategy is measured, and in which order.' });
