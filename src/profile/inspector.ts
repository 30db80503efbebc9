import type { ThreadProfile } from '../process/cpu-profiler.ts';
import { cpuProfileFunctions } from './cpu-profile-functions.ts';
import type { InspectorTool, ToolFindings } from './profile-tool.ts';

export const inspector: InspectorTool = {
  kind: 'inspector',
  summary: "Node's own sampling profiler, of every thread: .cpuprofile files for developer tools",
  covers: 'Every thread of the process, during the trials, warm-up included.',
};

/** Writes a `.cpuprofile` of each thread with `write`, and names the hottest functions. */
export async function presentThreadProfiles(
  profiles: readonly ThreadProfile[],
  write: (name: string, text: string) => Promise<void>,
): Promise<ToolFindings> {
  const files = await Promise.all(
    profiles.map(async ({ thread, profile }) => {
      const path = `${thread.replaceAll(/[^\w.-]+/gu, '-')}.cpuprofile`;
      await write(path, JSON.stringify(profile));
      return { path, what: `thread ${thread}: open it in the performance panel of a browser's developer tools` };
    }),
  );
  if (profiles.length === 0) {
    return { files, hotFunctions: { unavailable: 'not sampled: the process ended first' } };
  }
  return { files, hotFunctions: cpuProfileFunctions(profiles) };
}
