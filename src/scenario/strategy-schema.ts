import { z } from 'zod';

import type { StrategySettings } from '../model/environment.ts';
import { EXTERNAL } from '../model/external.ts';
import type { StrategyKnobs } from '../model/ports.ts';
import { findStrategy, strategies, strategyAliases } from '../strategy/strategies.ts';
import { externalFields, readExternal, type WrittenExternal } from './external-schema.ts';
import { count, quantity, refuse, yesOrNo } from './quantity-schema.ts';
import { text } from './text-schema.ts';

/** Strategies of this program, then other names of them. */
export const builtInStrategyNames: readonly string[] = [...Object.keys(strategies), ...Object.keys(strategyAliases)];

/** What `name` may be. */
const strategyNames: readonly string[] = [...builtInStrategyNames, EXTERNAL];

/** What a scenario without `strategies` compares: the old loop and what is shipped today. */
export const defaultStrategies: readonly { readonly name: string }[] = [
  { name: 'sequential' },
  { name: 'window-unordered' },
];

/** What can be set beside `name` and `label`. */
export const knobNames: readonly (keyof StrategyKnobs)[] = [
  'inFlight',
  'decodeThreads',
  'writers',
  'bufferBytes',
  'connections',
  'polite',
];

/** Knobs that every strategy starts with; each strategy adds its own window and threads. */
const commonDefaults = { writers: 1, bufferBytes: 256 * 1024 ** 2, connections: 1, polite: false } as const;

/** One chunk needs room for its 4 MiB encoded and decoded at the same time, and headers. */
const SMALLEST_BUFFER = { value: 9 * 1024 ** 2, text: '9 MiB' } as const;

/** One entry of `strategies:`; `name` is resolved from an alias, `label` is as written. */
export const strategySchema: z.ZodType<StrategySettings> = z
  .strictObject({
    name: z.enum(strategyNames as [string, ...string[]]).meta({
      description: strategyNames.map((name) => `${name}: ${summaryOf(name)}`).join('; '),
      examples: ['window-unordered'],
    }),
    label: text({
      description: 'What reports, objectives and matrix keys call it; its name without one. Unique in the scenario.',
      example: 'window-4',
      noun: 'a label',
      allowed: 'at most 64 letters, digits, `_` and `-`, beginning with a letter',
      // Objectives and matrix keys are made of labels and dots, so a label has none.
      pattern: /^[A-Za-z][A-Za-z0-9_-]{0,63}$/u,
    }).optional(),
    inFlight: count({
      description: 'Chunks held at once, from the request until the write has returned.',
      min: 1,
      max: 1024,
      example: 16,
    }).optional(),
    decodeThreads: count({
      description: 'Worker threads that decode; 0 decodes on the main thread.',
      min: 0,
      max: 256,
      example: 4,
    }).optional(),
    writers: count({ description: 'Writes at a time; 1 without it.', min: 1, max: 256, example: 1 }).optional(),
    bufferBytes: quantity('size', {
      description:
        'Bound on encoded plus decoded bytes held; 256 MiB without it. A small one lowers the effective window.',
      examples: ['256 MiB'],
      min: SMALLEST_BUFFER,
    }).optional(),
    connections: count({
      description: 'Sessions that the window is spread over, each on a TLS connection of its own.',
      min: 1,
      max: 64,
      example: 4,
    }).optional(),
    polite: yesOrNo({
      description: 'Whether the restore gives way when its chunks take longer than they would alone; false without it.',
    }).optional(),
    ...externalFields,
  })
  .transform(({ name, label, ...given }, context): StrategySettings => {
    if (name === EXTERNAL) return externalStrategy(label ?? name, given, context);
    for (const key of Object.keys(externalFields) as (keyof typeof externalFields)[])
      if (given[key] !== undefined) refuse(context, `\`${key}\` belongs to \`name: ${EXTERNAL}\``, undefined, [key]);
    const strategy = findStrategy(name);
    if (strategy === undefined) return refuse(context, `there is no strategy \`${name}\``);
    for (const knob of strategy.fixed) {
      if (given[knob] === undefined) continue;
      const others = knobNames.filter((key) => !strategy.fixed.includes(key));
      refuse(
        context,
        `\`${knob}\` is fixed for \`${name}\` and cannot be set`,
        `${others.map((key) => `\`${key}\``).join(', ')}, or another strategy`,
        [knob],
      );
    }
    const { inFlight, decodeThreads, writers, bufferBytes, connections, polite } = given;
    return {
      name: strategy.name,
      label: label ?? name,
      knobs: {
        inFlight: inFlight ?? strategy.defaults.inFlight,
        decodeThreads: decodeThreads ?? strategy.defaults.decodeThreads,
        writers: writers ?? commonDefaults.writers,
        bufferBytes: bufferBytes ?? commonDefaults.bufferBytes,
        connections: connections ?? strategy.defaults.connections ?? commonDefaults.connections,
        polite: polite ?? commonDefaults.polite,
      },
    };
  })
  .meta({ description: 'A way to restore, and its knobs.' });

function summaryOf(name: string): string | undefined {
  if (name === EXTERNAL) return 'runs pbs-restore, qmrestore, proxmox-backup-client or any command as a black box';
  return Object.hasOwn(strategyAliases, name) ? `the same as ${strategyAliases[name]}` : findStrategy(name)?.summary;
}

function externalStrategy(
  label: string,
  given: WrittenExternal & Partial<Readonly<Record<keyof StrategyKnobs, unknown>>>,
  context: z.core.$RefinementCtx,
): StrategySettings {
  for (const knob of knobNames) {
    if (given[knob] !== undefined)
      refuse(context, `\`${knob}\` means nothing to another program`, '`arguments` or `env` with its own knobs', [
        knob,
      ]);
  }
  return { name: EXTERNAL, label, knobs: {}, external: readExternal(given, context) };
}
