import type { Command } from './command.ts';

/** A command as the list of all of them shows it. */
export interface ListedCommand {
  /** As yargs reads it: `run <file..>`. */
  readonly usage: string;
  readonly summary: string;
  /** Loading a command takes longer than most of them run, so that only the one that was asked for is. */
  readonly load: () => Promise<Command>;
}

/** In the order in which the help shows them. */
export const commands: readonly ListedCommand[] = [
  {
    usage: 'run <file..>',
    summary: 'Run scenarios: compare restore strategies and say what limits them',
    load: async () => (await import('./run.ts')).runCommand,
  },
  {
    usage: 'report <dir>',
    summary: 'Render the reports of a run or verify again from its directory and print them',
    load: async () => (await import('./report.ts')).reportCommand,
  },
  {
    usage: 'profile <file>',
    summary: 'Show where the client or the embedded server spends its time while one strategy runs',
    load: async () => (await import('./profile.ts')).profileCommand,
  },
  {
    usage: 'scenario <action> [file..]',
    summary: 'List, check and show scenario files, or print their JSON Schema',
    load: async () => (await import('./scenario.ts')).scenarioCommand,
  },
  {
    usage: 'snapshots [group]',
    summary: 'List the snapshots of a datastore on a PBS',
    load: async () => (await import('./snapshots.ts')).snapshotsCommand,
  },
  {
    usage: 'inspect <place> [snapshot]',
    summary: 'Chunk statistics of a snapshot, in a datastore folder or on a PBS: zero, repeated, unique, sizes, ages',
    load: async () => (await import('./inspect.ts')).inspectCommand,
  },
  {
    usage: 'verify <datastore> [snapshot]',
    summary: 'Read and check every chunk of a datastore folder, or of a snapshot in it, as the verify job of PBS does',
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
  {
    usage: 'parse-log <file>',
    summary: 'The four rates from the log of a restore, backup, verify or benchmark, in honest units',
    load: async () => (await import('./parse-log.ts')).parseLogCommand,
  },
  {
    usage: 'capture <snapshot> [archive]',
    summary: 'Look at a real server and snapshot from here, and write a scenario that behaves like it in the lab',
    load: async () => (await import('./capture.ts')).captureCommand,
  },
  {
    usage: 'hardware',
    summary: 'Measure what a restore is made of on this machine, and what that allows a restore to reach',
    load: async () => (await import('./hardware.ts')).hardwareCommand,
  },
  {
    usage: 'restore <snapshot> <archive> <target>',
    summary: 'Restore an archive from a PBS to a file, a block device or standard output; every chunk is verified',
    load: async () => (await import('./restore.ts')).restoreCommand,
  },
  {
    usage: 'serve',
    summary:
      'Serve a datastore folder, or the image of a scenario, to PBS clients on this machine: restores and backups',
    load: async () => (await import('./serve.ts')).serveCommand,
  },
  {
    usage: 'seed',
    summary: 'Upload a synthetic image and its history of backups to a PBS, or forget such backups',
    load: async () => (await import('./seed.ts')).seedCommand,
  },
  {
    usage: 'cache [action]',
    summary: 'Show or clear the generated images',
    load: async () => (await import('./cache.ts')).cacheCommand,
  },
];

/** The word that names it. */
export const commandName = ({ usage }: ListedCommand): string => usage.split(' ', 1)[0] ?? '';
