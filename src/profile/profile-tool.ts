import type { StrategyKnobs } from '../model/ports.ts';
import type { HotFunction, ProfileFile } from '../model/profile.ts';

interface ToolFacts {
  /** What it shows, for help and messages. */
  readonly summary: string;
  /** Which threads and which time it covers, one sentence. */
  readonly covers: string;
}

/** Node's own inspector, inside of the profiled process. */
export interface InspectorTool extends ToolFacts {
  readonly kind: 'inspector';
}

/** A program that starts the profiled process and makes a page of what it collected. */
export interface ProgramTool extends ToolFacts {
  readonly kind: 'program';
  /** npm package that brings it, an optional peer of this one. */
  readonly packageName: string;
  /** Major version whose command line and files the adapter knows. */
  readonly major: number;
  /** Why it cannot profile this, where it cannot. */
  readonly refuses?: (knobs: StrategyKnobs) => { readonly reason: string; readonly fix: string } | undefined;
  /** Arguments of the program, before `-- node ...`, that have it collect into the folder it runs in. */
  readonly collect: readonly string[];
  /** Makes page and findings of what was collected. */
  present(run: CollectedRun): Promise<ToolFindings>;
}

export type ProfileTool = InspectorTool | ProgramTool;

/** What a {@link ProgramTool} left behind, and the means to go on with it. */
export interface CollectedRun {
  /** The profile folder; everything of the tool is in it. */
  readonly folder: string;
  /** Runs the program again, in that folder. */
  readonly runProgram: (args: readonly string[]) => Promise<void>;
}

export interface ToolFindings {
  /** Paths are relative to the profile folder. */
  readonly files: readonly ProfileFile[];
  readonly hotFunctions: readonly HotFunction[] | { readonly unavailable: string };
  readonly verdict?: string;
}
