import { z } from 'zod';

import { isPlaceholder, placeholdersIn } from '../external/arguments.ts';
import {
  externalPresets,
  placeholders,
  type ArgumentTemplate,
  type ExternalOutput,
  type ExternalPreset,
  type ExternalSettings,
} from '../model/external.ts';
import { presets } from './external-presets.ts';
import { nearestName } from './nearest-name.ts';
import { count, quantity, refuse, yesOrNo } from './quantity-schema.ts';
import { text } from './text-schema.ts';
import { quote } from './wording.ts';

/** Variables whose values are secrets, by the names that people give them. */
const secretNames = /PASSWORD|PASSWD|SECRET|TOKEN|PRIVATE_?KEY|CREDENTIAL/iu;
/** Those that name where the secret is, and are none. */
const secretPlaces = /_(?:FILE|FD|CMD|PATH)$/u;

const argument = z.union([z.string().min(1), z.number().transform(String)]);

const presetSummary = externalPresets.map((name) => `${name}: ${presets[name].summary}`).join('; ');

/** Keys of a strategy that only `external` has, as far as they are written. */
export interface WrittenExternal {
  readonly preset?: ExternalPreset | undefined;
  readonly program?: string | undefined;
  readonly command?: readonly ArgumentTemplate[] | undefined;
  readonly arguments?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly output?: string | undefined;
  readonly allocate?: boolean | undefined;
  readonly cleanup?: readonly string[] | undefined;
  readonly timeLimit?: number | undefined;
  readonly vmid?: number | undefined;
  readonly pbsStorage?: string | undefined;
  readonly storage?: string | undefined;
}

export const externalFields: { readonly [Name in keyof WrittenExternal]-?: z.ZodType<WrittenExternal[Name]> } = {
  preset: z
    .enum(externalPresets)
    .optional()
    .meta({ description: `A program whose arguments are known. ${presetSummary}.`, examples: ['pbs-restore'] }),
  program: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'Path of the program of a preset, relative to this file; found on the PATH without it.' }),
  command: z
    .array(z.union([argument, z.array(argument).min(1)]))
    .min(1)
    .optional()
    .meta({
      description: `Program and arguments. In braces: ${Object.entries(placeholders)
        .map(([name, meaning]) => `${name} (${meaning})`)
        .join(', ')}. A list in the list is left out where a placeholder in it is empty.`,
      examples: [['restorelab', 'restore', '{snapshot}', '{archive}', '-', ['--ns', '{namespace}']]],
    }),
  arguments: z
    .array(argument)
    .optional()
    .meta({ description: 'More arguments for the program of a preset.', examples: [['--skip-zero']] }),
  env: z
    .object({})
    .catchall(z.union([z.string(), z.number().transform(String), z.boolean().transform(String)]))
    .optional()
    .meta({
      description: 'Variables of its environment; no secrets, as they are recorded.',
      examples: [{ PBS_RESTORE_FETCH_CONCURRENCY: 16, PBS_RESTORE_MAX_THREADS: 4 }],
    }),
  output: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        'Where the image comes out: `stdout`, `none` (it cannot be verified then), or the path of a new file, relative to this file.',
      examples: ['stdout'],
    }),
  allocate: yesOrNo({
    description: 'Whether the file of `output` is made before, sparse and as large as the image; false without it.',
  }).optional(),
  cleanup: z
    .array(argument)
    .min(1)
    .optional()
    .meta({ description: 'Run after a restore that ended well, outside of what is measured.' }),
  timeLimit: quantity('duration', {
    description: 'It is ended, and has failed, after so long; no limit without it.',
    examples: ['30 min'],
    positive: true,
  }).optional(),
  vmid: count({
    description: 'Of qmrestore: number of the machine to make.',
    min: 100,
    max: 999_999_999,
    example: 9000,
  }).optional(),
  pbsStorage: storageName('Of qmrestore: the storage of Proxmox VE that is the PBS.').optional(),
  storage: storageName('Of qmrestore: the storage that the disks are restored to.').optional(),
};

/** Keys that only a preset has. */
const presetKeys = ['program', 'arguments'] as const;
const qmrestoreKeys = ['vmid', 'pbsStorage', 'storage'] as const;

/** The command of `external`; paths are still as written, and the folder is not known. */
export function readExternal(written: WrittenExternal, context: z.core.$RefinementCtx): ExternalSettings {
  const { preset, command, env = {} } = written;
  for (const name of Object.keys(env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/u.test(name))
      note(context, `${quote(name)} is not the name of a variable`, 'letters, digits and `_`', ['env', name]);
    if (!secretNames.test(name) || secretPlaces.test(name)) continue;
    note(
      context,
      `${quote(name)} looks like a secret, which has no place in a scenario`,
      'the password of the server is handed on by itself; other secrets as `..._FILE`, or in the environment of restorelab',
      ['env', name],
    );
  }
  if ((preset === undefined) === (command === undefined)) {
    const key = preset === undefined ? 'name' : 'command';
    note(context, '`external` needs either a `preset` or a `command`', presetSummary, [key]);
    return z.NEVER;
  }
  const settings =
    preset === undefined ? ownCommand(written, command ?? [], context) : ofPreset(preset, written, context);
  if (settings === undefined) return z.NEVER;
  checkPlaceholders(settings, preset === undefined ? 'command' : 'arguments', context);
  const { cleanup } = written;
  return {
    ...settings,
    env,
    folder: '',
    ...(cleanup === undefined ? {} : { cleanup }),
    ...(written.timeLimit === undefined ? {} : { timeLimitMs: written.timeLimit }),
  };
}

type Command = Pick<ExternalSettings, 'preset' | 'command' | 'output' | 'cleanup'>;

function ownCommand(
  written: WrittenExternal,
  command: readonly ArgumentTemplate[],
  context: z.core.$RefinementCtx,
): Command | undefined {
  for (const key of [...presetKeys, ...qmrestoreKeys]) {
    if (written[key] !== undefined)
      note(context, `\`${key}\` belongs to a \`preset\``, '`command` with all its arguments', [key]);
  }
  if (typeof command[0] !== 'string')
    return note(context, 'the first entry of a command is its program', 'a name or a path', ['command', 0]);
  const output = readOutput(written, { allocates: false }, context);
  return output === undefined ? undefined : { command, output };
}

function ofPreset(name: ExternalPreset, written: WrittenExternal, context: z.core.$RefinementCtx): Command | undefined {
  const preset = presets[name];
  for (const key of qmrestoreKeys) {
    const isMissing = name === 'qmrestore' && key !== 'storage' && written[key] === undefined;
    if (isMissing) return note(context, `\`${key}\` is missing`, 'qmrestore needs `vmid` and `pbsStorage`', ['preset']);
    if (name !== 'qmrestore' && written[key] !== undefined)
      return note(context, `\`${key}\` belongs to \`preset: qmrestore\``, undefined, [key]);
  }
  const output = readOutput(written, preset, context);
  if (output === undefined) return undefined;
  if (!preset.outputs.includes(output.kind)) {
    const words = preset.outputs.map((kind) => (kind === 'file' ? 'a path' : `\`${kind}\``)).join(' or ');
    return note(context, `${name} has no output of this kind`, words, ['output']);
  }
  const { vmid, storage, pbsStorage } = written;
  const options = {
    program: written.program ?? preset.program,
    output,
    more: written.arguments ?? [],
    vmid,
    storage,
    pbsStorage,
  };
  const cleanup = preset.cleanup?.(options);
  return { preset: name, command: preset.command(options), output, ...(cleanup === undefined ? {} : { cleanup }) };
}

function readOutput(
  { output, allocate, preset }: WrittenExternal,
  { outputs, allocates }: { readonly outputs?: readonly ExternalOutput['kind'][]; readonly allocates: boolean },
  context: z.core.$RefinementCtx,
): ExternalOutput | undefined {
  if (output === undefined && preset === undefined)
    return note(context, '`output` is missing', '`stdout`, `none` or a path', ['command']);
  const kind = output ?? outputs?.[0] ?? 'none';
  if (kind === 'stdout' || kind === 'none') {
    if (allocate !== undefined) note(context, 'only a file can be allocated', '`output` with a path', ['allocate']);
    return { kind };
  }
  return { kind: 'file', path: kind, allocate: allocate ?? allocates };
}

/** Words in single braces that are none of ours; a `{target}` that is nowhere. */
function checkPlaceholders(
  { command, output }: Command,
  key: 'command' | 'arguments',
  context: z.core.$RefinementCtx,
): void {
  const names = Object.keys(placeholders);
  for (const name of placeholdersIn(command)) {
    if (name === 'target' && output.kind === 'none')
      note(context, '`{target}` stands for nothing with `output: none`', '`output: stdout` or a path', [key]);
    if (isPlaceholder(name)) continue;
    const nearest = nearestName(name, names);
    note(
      context,
      `there is no placeholder \`{${name}}\`${nearest === undefined ? '' : `; did you mean \`{${nearest}}\`?`}`,
      `${names.map((known) => `\`{${known}}\``).join(', ')}; braces that mean themselves are doubled`,
      [key],
    );
  }
}

function storageName(description: string): z.ZodType<string, string> {
  return text({
    description,
    example: 'pbs',
    noun: 'the name of a storage',
    allowed: 'letters, digits, `-`, `_` and `.`, beginning with a letter',
    pattern: /^[A-Za-z][A-Za-z0-9_.-]{0,99}$/u,
  });
}

/** Notes a problem, and goes on to find others. */
function note(...problem: Parameters<typeof refuse>): undefined {
  refuse(...problem);
}
