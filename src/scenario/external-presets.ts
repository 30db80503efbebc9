import type { ArgumentTemplate, ExternalOutput, ExternalPreset } from '../model/external.ts';

/** What a preset makes its command of, beside the placeholders. */
export interface PresetOptions {
  readonly program: string;
  readonly output: ExternalOutput;
  /** More arguments, at the end. */
  readonly more: readonly string[];
  /** Of qmrestore: number of the new machine, its storage, and the storage of Proxmox VE that is the PBS. */
  readonly vmid?: number | undefined;
  readonly storage?: string | undefined;
  readonly pbsStorage?: string | undefined;
}

export interface Preset {
  /** Used unless the scenario names another. */
  readonly program: string;
  readonly summary: string;
  /** What `output` may be, the first one being the default; `file` is a path. */
  readonly outputs: readonly ExternalOutput['kind'][];
  /** Whether the program writes into a file that is there already. */
  readonly allocates: boolean;
  command(options: PresetOptions): readonly ArgumentTemplate[];
  cleanup?(options: PresetOptions): readonly ArgumentTemplate[];
}

/** Command lines as qemu-server and administrators use them (spec 1.6, 9.1, 9.6). */
export const presets: Readonly<Record<ExternalPreset, Preset>> = {
  'pbs-restore': {
    program: 'pbs-restore',
    summary: 'into a null device, or a raw file (output: PATH)',
    outputs: ['none', 'file'],
    // It neither makes nor resizes its target; qemu-server does that before.
    allocates: true,
    command: ({ program, output, more }) => [
      program,
      '--repository',
      '{repository}',
      ['--ns', '{namespace}'],
      '{snapshot}',
      '{archive}',
      output.kind === 'file' ? '{target}' : '{nullTarget}',
      '--verbose',
      '--format',
      'raw',
      ['--keyfile', '{keyFile}'],
      ...more,
    ],
  },
  qmrestore: {
    program: 'qmrestore',
    summary: 'a new virtual machine (vmid) from a storage of Proxmox VE (pbsStorage), destroyed afterwards',
    outputs: ['none'],
    allocates: false,
    command: ({ program, vmid, storage, pbsStorage, more }) => [
      program,
      `${pbsStorage}:backup/{snapshot}`,
      String(vmid),
      ...(storage === undefined ? [] : ['--storage', storage]),
      ...more,
    ],
    // A machine that is there already makes qmrestore fail, so that one that was restored is ours.
    cleanup: ({ vmid }) => ['qm', 'destroy', String(vmid), '--purge'],
  },
  'proxmox-backup-client': {
    program: 'proxmox-backup-client',
    summary: 'to standard output, or into a file that it makes (output: PATH)',
    outputs: ['stdout', 'file'],
    allocates: false,
    command: ({ program, more }) => [
      program,
      'restore',
      '{snapshot}',
      '{image}',
      '{target}',
      '--repository',
      '{repository}',
      ['--ns', '{namespace}'],
      ['--keyfile', '{keyFile}'],
      ...more,
    ],
  },
};
