import type { HotFunction } from '../model/profile.ts';
import type { CpuProfile, ThreadProfile } from '../process/cpu-profiler.ts';
import { functionOnTop, isWaiting, SelfCosts, type StackFrame } from './hot-functions.ts';

/** The engine's names for time in which a thread did nothing. */
const IDLE = '(idle)';

/** The hottest functions of a process, threads that run the same module taken together, `main` first. */
export function cpuProfileFunctions(profiles: readonly ThreadProfile[]): readonly HotFunction[] {
  const kinds = new Map<string, CpuProfile[]>();
  for (const { thread, profile } of profiles) {
    const kind = thread.replace(/ \d+$/u, '');
    kinds.set(kind, [...(kinds.get(kind) ?? []), profile]);
  }
  return [...kinds].flatMap(([kind, members]) => {
    const costs = new SelfCosts();
    for (const profile of members) addSelfTimes(profile, costs);
    return costs.hottest(members.length === 1 ? kind : `${kind} (${members.length} threads)`);
  });
}

type ProfileNode = CpuProfile['nodes'][0];

/** A sample counts for the time until the next; without times each counts the same. */
function addSelfTimes({ nodes, samples = [], timeDeltas = [] }: CpuProfile, costs: SelfCosts): void {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)));
  for (const [index, id] of samples.entries()) {
    const node = known.get(id);
    if (node === undefined || node.callFrame.functionName === IDLE) continue;
    const top = frameOf(node);
    if (isWaiting(top)) continue;
    const cost = Math.max(0, timeDeltas[index + 1] ?? timeDeltas[index] ?? 1);
    costs.add(functionOnTop(top, callersOf(node, parents)), cost);
  }
}

function* callersOf(node: ProfileNode, parents: ReadonlyMap<number, ProfileNode>): Generator<StackFrame> {
  for (let caller = parents.get(node.id); caller !== undefined; caller = parents.get(caller.id)) yield frameOf(caller);
}

function frameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): StackFrame {
  return { name: functionName, line: lineNumber + 1, ...(url === '' ? {} : { script: url }) };
}
