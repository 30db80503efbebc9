import type { z } from 'zod';

import type { RealServerSettings } from '../model/environment.ts';
import { findStrategy } from '../strategy/strategies.ts';
import { refuse } from './quantity-schema.ts';
import type { ParsedScenario } from './schema.ts';
import { DEFAULT_QUEUE_DEPTH } from './storage-schema.ts';

type Sections = Pick<ParsedScenario, 'server' | 'image' | 'history' | 'storage' | 'strategies'>;

/** What cannot be together in one case although each section is right by itself. */
export function refuseConflicts(sections: Sections, context: z.core.$RefinementCtx): void {
  refuseForSynthesisedChunks(sections, context);
  refuseForSeveralProcesses(sections, context);
  refuseForRealServer(sections, context);
}

function refuseForSynthesisedChunks(
  { server, image, history, storage }: Sections,
  context: z.core.$RefinementCtx,
): void {
  if (!('chunks' in server) || server.chunks === 'files') return;
  if (image.repeatedShare > 0) {
    refuse(
      context,
      'the chunks of a synthesised image repeat throughout',
      '`repeatedShare` with `server.chunks: files`, or without it',
      ['image', 'repeatedShare'],
    );
  }
  if (history.depth > 1) {
    refuse(context, 'synthesised chunks have no history', '`history` with `server.chunks: files`, or a `depth` of 1', [
      'history',
      'depth',
    ]);
  }
  if (storage.cache === 'cold') {
    refuse(
      context,
      'synthesised chunks are in memory and have no page cache',
      '`cache: cold` with `server.chunks: files`, or `cache: warm`',
      ['storage', 'cache'],
    );
  }
}

/** More at a time than a user of the server expects is asked for in so many words. What a strategy has by itself is cut down. */
function refuseForRealServer({ server, strategies }: Sections, context: z.core.$RefinementCtx): void {
  if (server.kind !== 'pbs') return;
  for (const [index, { name, knobs, external }] of strategies.entries()) {
    if (external !== undefined) {
      refuseForProgram(server, ['strategies', index, 'name'], context);
      continue;
    }
    const defaults = findStrategy(name)?.defaults;
    for (const knob of ['inFlight', 'connections'] as const) {
      const asked = knobs[knob];
      if (asked <= server.maxInFlight || asked === defaults?.[knob]) continue;
      refuse(
        context,
        `a real server is asked for ${server.maxInFlight} things at a time at most, this strategy wants ${asked}${knob === 'connections' ? ' connections' : ''}`,
        `up to ${server.maxInFlight}, or a larger \`server.maxInFlight\``,
        ['strategies', index, knob],
      );
    }
  }
}

/** A program does what it does: it cannot be held back, nor be told to leave something out. */
function refuseForProgram(
  { sampleBytes, maxRateBytesPerSecond }: RealServerSettings,
  path: readonly (string | number)[],
  context: z.core.$RefinementCtx,
): void {
  if (sampleBytes !== undefined) {
    refuse(
      context,
      'a program restores the whole image, and could not be compared with a sample of it',
      '`external` without `server.sample`, or other strategies',
      path,
    );
  }
  if (maxRateBytesPerSecond !== undefined) {
    refuse(
      context,
      'a program cannot be held to `server.maxRate`: it asks the server as fast as it will',
      '`external` without `server.maxRate`, or other strategies',
      path,
    );
  }
}

/** Each process has an emulated disk of its own: what they share of one disk nobody would hold them to. */
function refuseForSeveralProcesses({ server, storage }: Sections, context: z.core.$RefinementCtx): void {
  if ((server.processes ?? 1) === 1) return;
  const message = 'each process of the server has an emulated disk of its own';
  if (storage.bandwidthBytesPerSecond !== undefined) {
    refuse(context, message, '`bandwidth` with `server.processes: 1`, or no `bandwidth`', ['storage', 'bandwidth']);
  }
  if (storage.queueDepth !== DEFAULT_QUEUE_DEPTH) {
    refuse(
      context,
      message,
      `\`queueDepth\` with \`server.processes: 1\`, or the default of ${DEFAULT_QUEUE_DEPTH} for each process`,
      ['storage', 'queueDepth'],
    );
  }
}
