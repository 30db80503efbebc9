import { parseArgs } from 'node:util';

export interface FuzzArguments {
  readonly inputs: number;
  /** The same makes the same inputs. */
  readonly seed: string;
}

/** Reads `[inputs] [seed]`; ends the process after `--help`, with 2 where they are something else. */
export function fuzzArguments(script: string, defaultInputs: number): FuzzArguments {
  const usage = `node scripts/${script} [inputs, ${defaultInputs} unless given] [seed, 1 unless given]`;
  const end = (text: string, exitCode: number): never => {
    process[exitCode === 0 ? 'stdout' : 'stderr'].write(`${text}\n`);
    process.exit(exitCode);
  };
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse();
  } catch (error) {
    return end(`${error instanceof Error ? error.message : String(error)}\nusage: ${usage}`, 2);
  }
  if (parsed.values.help === true) return end(`usage: ${usage}`, 0);
  const [inputs = String(defaultInputs), seed = '1', ...others] = parsed.positionals;
  if (!/^[1-9]\d*$/u.test(inputs) || others.length > 0) return end(`usage: ${usage}`, 2);
  return { inputs: Number(inputs), seed };
}

const parse = (): { values: { help?: boolean | undefined }; positionals: string[] } =>
  parseArgs({ allowPositionals: true, options: { help: { type: 'boolean', short: 'h' } } });
