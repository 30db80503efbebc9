import { z } from 'zod';

import { formatRate } from '../model/units.ts';
import type { RestClient } from '../pbs/client/rest-client.ts';
import type { Fact } from './scenario-text.ts';

/** What of a REST client is asked. */
export type AskedServer = Pick<RestClient, 'get' | 'version'>;

const tasks = z.array(z.looseObject({ worker_type: z.string(), worker_id: z.string().nullish() }));

/** Rates as PBS writes them, `100 MB`, or in bytes. */
const rate = z.union([z.string(), z.number()]).optional();
const trafficRules = z.array(z.looseObject({ name: z.string(), 'rate-in': rate, 'rate-out': rate }));

/** More are counted and not named. */
const NAMED_TASKS = 5;

/**
 * What a server tells of itself that may explain its speed. Each question by itself: most of them need more permission
 * than reading a backup, and what is not told is unavailable with the server's reason.
 */
export async function readServerFacts(server: AskedServer, signal: AbortSignal): Promise<readonly Fact[]> {
  const questions: readonly (readonly [name: string, answer: () => Promise<string>])[] = [
    ['server', async () => `Proxmox Backup Server ${(await server.version(signal)).text}`],
    [
      'running tasks',
      async () =>
        tasksText(
          tasks.parse(
            await server.get({
              path: '/nodes/localhost/tasks',
              parameters: { running: true },
              what: 'listing its tasks',
              signal,
            }),
          ),
        ),
    ],
    [
      'traffic control',
      async () =>
        rulesText(
          trafficRules.parse(
            await server.get({ path: '/admin/traffic-control', what: 'listing its traffic-control rules', signal }),
          ),
        ),
    ],
  ];
  const facts: Fact[] = [];
  for (const [name, answer] of questions) facts.push({ name, text: await answerOf(answer, signal) });
  return facts;
}

async function answerOf(answer: () => Promise<string>, signal: AbortSignal): Promise<string> {
  try {
    // What others wrote on a server must not steer a terminal.
    return (await answer()).replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');
  } catch (error) {
    signal.throwIfAborted();
    const reason =
      error instanceof z.ZodError
        ? 'its answer has another form'
        : ((error as Error).message.split('\n')[0] ?? 'no answer');
    return `unavailable: ${reason}`;
  }
}

function tasksText(running: z.infer<typeof tasks>): string {
  if (running.length === 0) return 'none that this user may see';
  const named = running
    .slice(0, NAMED_TASKS)
    .map(({ worker_type: type, worker_id: id }) => `${type} ${id ?? ''}`.trim());
  const more = running.length > NAMED_TASKS ? ` and ${running.length - NAMED_TASKS} more` : '';
  return `${named.join(', ')}${more}; each takes its share of disks, cores and network`;
}

function rulesText(rules: z.infer<typeof trafficRules>): string {
  if (rules.length === 0) return 'no rules';
  const limit = (of: string | number | undefined): string =>
    of === undefined ? 'no limit' : typeof of === 'number' ? formatRate(of) : `${of}/s`;
  return rules
    .map(({ name, 'rate-in': into, 'rate-out': out }) => `${name}: ${limit(into)} in, ${limit(out)} out`)
    .join('; ');
}
