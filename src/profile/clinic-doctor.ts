import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { clinicPackage, collectArguments, makePage } from './clinic.ts';
import type { ProgramTool } from './profile-tool.ts';

export const clinicDoctor: ProgramTool = {
  ...clinicPackage,
  summary: 'a verdict on event loop, garbage collection and I/O, by clinic',
  covers: 'CPU and memory of the whole process, event loop of its main thread, from its start to its end.',
  collect: collectArguments('doctor'),
  async present(run) {
    const { page } = await makePage('doctor', run);
    const verdict = doctorVerdict(await readFile(join(run.folder, page), 'utf8'));
    return {
      files: [{ path: page, what: 'CPU, memory, event-loop delay and handles over time, with advice' }],
      hotFunctions: { unavailable: 'unsupported: clinic-doctor looks at the process as a whole, not at functions' },
      ...(verdict === undefined ? {} : { verdict }),
    };
  },
};

/** The data of a page of clinic, as it embeds them. */
const PAGE_DATA = /<script type="application\/json" id="clinic-data">([\s\S]*?)<\/script>/u;

/** What clinic calls its findings, by the category that its analysis gives. */
const headings: Readonly<Record<string, string>> = {
  'event-loop': 'a potential Event Loop issue',
  gc: 'a potential Garbage Collection issue',
  io: 'a potential I/O issue',
  none: 'no issue',
  unknown: 'an unknown issue',
  data: 'not enough data to judge: run more trials with --repeats',
};

type Issue = string | readonly Issue[] | { readonly [part: string]: Issue };

/** The finding in clinic's words and what it thinks of each part; nothing where the page holds none. */
export function doctorVerdict(page: string): string | undefined {
  const [, text] = PAGE_DATA.exec(page) ?? [];
  if (text === undefined) return undefined;
  let analysis: { readonly issueCategory?: string; readonly issues?: Readonly<Record<string, Issue>> } | undefined;
  try {
    ({ analysis } = JSON.parse(text) as { analysis?: typeof analysis });
  } catch {
    return undefined;
  }
  const category = analysis?.issueCategory;
  if (category === undefined) return undefined;
  const parts = Object.entries(analysis?.issues ?? {}).map(([part, issue]) => `${part} ${worstOf(issue)}`);
  return `Clinic detected ${headings[category] ?? category} (${parts.join(', ')}).`;
}

/** Memory is judged in several parts. */
function worstOf(issue: Issue): string {
  if (typeof issue === 'string') return issue;
  const found = Object.values(issue).map(worstOf);
  return found.find((one) => one !== 'none') ?? 'none';
}
