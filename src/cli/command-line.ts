import yargs, { type Argv, type Options } from 'yargs';

import { exitCodes, UsageError, type ExitCode } from '../model/errors.ts';
import { nearestName } from '../scenario/nearest-name.ts';
import type { Command } from './command.ts';
import { commandName, commands, type ListedCommand } from './commands.ts';
import type { Edge } from './edge.ts';
import { printError } from './print-error.ts';
import { tool } from './tool.ts';

/** Widest help text; wider lines are hard to read. */
const MAX_HELP_COLUMNS = 110;

/** The script for shells asks this way what the words behind it may go on with. */
const COMPLETION = '--get-yargs-completions';

/**
 * The whole command line: parses, runs one command, prints its error if it has one.
 * @returns the exit code; never throws
 */
export async function runCommandLine(edge: Edge): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.fine;
  let chosen: Command | undefined;
  const parser = yargs([...edge.args])
    .scriptName('restorelab')
    .usage('$0 <command>\n\nBenchmarks restores from Proxmox Backup Server and says what limits them.')
    .version(tool.version)
    .help()
    .alias({ help: 'h', version: 'v' })
    .completion('completion', 'Print a completion script for bash or zsh')
    .strict()
    .demandCommand(1, 'a command is missing')
    .recommendCommands()
    .exitProcess(false)
    .wrap(Math.min(edge.stdout.columns ?? MAX_HELP_COLUMNS, MAX_HELP_COLUMNS))
    .example('$0 run scenarios/quickstart.yaml', 'Measure the first scenario')
    .example('$0 scenario list', 'What scenarios there are')
    .example('$0 completion >> ~/.bashrc', 'Complete commands and options in bash')
    .epilogue(
      'Exit codes: 0 fine, 1 objective or integrity, 2 usage, 3 trials failed, 4 server, 5 this machine, 70 internal, 130/143 interrupted.',
    )
    // With exitProcess(false) the command would still run after a usage error unless this throws.
    .fail((message, error) => {
      throw error ?? usageError(message, edge.args, chosen);
    });
  for (const { usage, summary, load } of commands) {
    parser.command(
      usage,
      summary,
      async (builder) => {
        chosen = await load();
        return build(chosen, builder);
      },
      async (argv) => {
        const command = await load();
        checkNumbers(command, argv, edge.args);
        exitCode = await command.run(withDashes(command, argv, edge.args), edge);
      },
    );
  }
  try {
    if (edge.args.includes('--') && edge.args[0] !== COMPLETION) throw optionsEnd();
    await parser.parseAsync([...edge.args], {}, (_error, _argv, output) => {
      if (output !== '') edge.stdout.write(`${output}\n`);
    });
  } catch (error) {
    // An option without its value is the one complaint of yargs that does not come by way of `fail`.
    const isUsage = error instanceof Error && error.name === 'YError';
    return printError(isUsage ? usageError(error.message, edge.args, chosen) : error, edge);
  }
  return exitCode;
}

function build({ positionals, options, examples }: Command, builder: Argv): Argv {
  for (const [name, positional] of Object.entries(positionals)) builder.positional(name, positional);
  for (const [line, explanation] of examples) builder.example(`$0 ${line}`, explanation);
  return builder.options(Object.fromEntries(Object.entries(options).map(([name, one]) => [name, withValue(one)])));
}

/** yargs takes an option that lacks its value for one that is empty, or not there. */
const withValue = (option: Options): Options =>
  option.type === 'string' || option.type === 'number' || option.choices !== undefined
    ? { ...option, requiresArg: true }
    : option;

/** yargs turns a text that is no number into NaN: what was typed is in the arguments alone. */
function checkNumbers({ options }: Command, argv: Readonly<Record<string, unknown>>, args: readonly string[]): void {
  for (const [name, { type }] of Object.entries(options)) {
    if (type !== 'number' || !Number.isNaN(argv[name])) continue;
    const at = args.findIndex((word) => word === `--${name}` || word.startsWith(`--${name}=`));
    const typed = args[at]?.split('=', 2)[1] ?? args[at + 1] ?? '';
    throw new UsageError(`--${name}: ${JSON.stringify(typed)} is not a number`, {
      code: 'usage',
      hint: 'see --help of the command',
    });
  }
}

/** yargs hands the argument `-` on as an empty text. */
function withDashes(
  { positionals }: Command,
  argv: Readonly<Record<string, unknown>>,
  args: readonly string[],
): Readonly<Record<string, unknown>> {
  if (!args.includes('-')) return argv;
  const dashes = Object.keys(positionals).filter((name) => argv[name] === '');
  return { ...argv, ...Object.fromEntries(dashes.map((name) => [name, '-'])) };
}

/** yargs passes over whatever stands behind it. */
function optionsEnd(): UsageError {
  return new UsageError('`--` is not understood', {
    code: 'usage',
    hint: 'a file whose name begins with a dash is named ./-NAME',
  });
}

/** Says what is wrong and points at the right name where one is near, else at the help. */
function usageError(message: string, args: readonly string[], chosen: Command | undefined): UsageError {
  const command = args.find((word) => !word.startsWith('-'));
  const similar = /^Did you mean (\S+)\?$/u.exec(message)?.[1];
  if (similar !== undefined)
    return new UsageError(`unknown command ${command ?? ''}`, { code: 'usage', hint: `did you mean ${similar}?` });
  const current = commands.find((listed) => commandName(listed) === command);
  const missing = missingText(message, current, chosen);
  if (missing !== undefined)
    return new UsageError(missing, { code: 'usage', hint: `see \`restorelab ${command ?? ''} --help\`` });
  const unknown = /^Unknown arguments?: ([^,]+)/u.exec(message)?.[1];
  if (unknown !== undefined && current === undefined) {
    return new UsageError(`unknown command ${unknown}`, {
      code: 'usage',
      hint: `commands are ${commands.map(commandName).join(', ')}, completion`,
    });
  }
  if (unknown !== undefined && args.includes(unknown)) {
    return new UsageError(`${unknown} is one argument too many`, {
      code: 'usage',
      hint: `see \`restorelab ${command ?? ''} --help\``,
    });
  }
  const nearest = unknown === undefined ? undefined : nearestName(unknown, Object.keys(chosen?.options ?? {}));
  const help = `see \`restorelab ${current === undefined ? '' : `${command} `}--help\``;
  return new UsageError(unknown === undefined ? message : `unknown option --${unknown}`, {
    code: 'usage',
    hint: nearest === undefined ? help : `did you mean --${nearest}? ${help}`,
  });
}

/** What yargs says of something that is not there or not among the choices, in our words. */
function missingText(
  message: string,
  command: ListedCommand | undefined,
  chosen: Command | undefined,
): string | undefined {
  const count = /^Not enough non-option arguments: got (\d+)/u.exec(message)?.[1];
  if (count !== undefined) return missingPositionals(command, Number(count));
  const option = /^Missing required arguments?: (.+)/u.exec(message)?.[1];
  if (option !== undefined) return `--${option} is missing`;
  const valueless = /^Not enough arguments following: (.+)/u.exec(message)?.[1];
  if (valueless !== undefined) return `--${valueless} needs a value`;
  const [, name, given, choices] = /Argument: (\S+), Given: "(.*)", Choices: (.+)/u.exec(message) ?? [];
  if (name === undefined || given === undefined || choices === undefined) return undefined;
  const known = [...choices.matchAll(/"([^"]+)"/gu)].map(([, choice = '']) => choice);
  const nearest = nearestName(given, known);
  const isOption = Object.hasOwn(chosen?.options ?? {}, name);
  return `${isOption ? `--${name} cannot be ${given}` : `${given} is no ${name}`}: ${nearest === undefined ? `it must be one of ${known.join(', ')}` : `did you mean ${nearest}?`}`;
}

function missingPositionals(command: ListedCommand | undefined, givenCount: number): string {
  const names = [...(command?.usage.matchAll(/<([\w-]+)(?:\.\.)?>/gu) ?? [])].map(([, name = '']) =>
    name.toUpperCase(),
  );
  const missing = names.slice(givenCount);
  if (missing.length === 0) return 'an argument is missing';
  return `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing`;
}
