#!/usr/bin/env node
// The command. Starts the sources in a checkout and the compiled code in an installed package, and says so clearly
// where Node.js is too old for either. Plain JavaScript, so that any Node can read it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { constants, homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const sources = new URL('./main.ts', import.meta.url);
const bundledNode = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));

/**
 * Compiled code is kept between runs, for the processes and threads of a run too: a run starts in half the time, and
 * none of them loads the compiler that strips types, which takes 14 MiB in each thread.
 */
function keepCompiledCode() {
  const { XDG_CACHE_HOME: given } = process.env;
  const cacheHome = given !== undefined && isAbsolute(given) ? given : join(homedir(), '.cache');
  if (process.env.NODE_COMPILE_CACHE === undefined) {
    const folder = join(cacheHome, 'restorelab-code');
    if (!isMade(folder)) return;
    process.env.NODE_COMPILE_CACHE = folder;
  }
  nodeModule.enableCompileCache(process.env.NODE_COMPILE_CACHE);
}

/**
 * Whether the folder is there, made if need be. Node.js would make it too, but never returns where the system says "no
 * such file" of a name in a folder that is there, as in /proc.
 */
function isMade(folder) {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if (error.code !== 'ENOENT') return error.code === 'EEXIST';
  }
  const above = dirname(folder);
  return !existsSync(above) && isMade(above) && isMade(folder);
}

/** Runs the same command under another Node.js, as if it were this process. */
async function runUnder(node) {
  const inner = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both; the inner one would take a second one for impatience.
  const hasTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY === true);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !hasTerminal) inner.kill(signal);
    });
  }
  const [status, signal] = await once(inner, 'exit');
  process.exitCode = status ?? 128 + constants.signals[signal];
}

if (Number(process.versions.node.split('.')[0]) >= 24) {
  keepCompiledCode();
  const isCheckout = existsSync(sources);
  const main = isCheckout ? sources : new URL('../dist/main.js', import.meta.url);
  try {
    await import(main.href);
  } catch (error) {
    const { printError } = await import(new URL(`./cli/print-error.${isCheckout ? 'ts' : 'js'}`, main).href);
    process.exitCode = printError(error, { stderr: process.stderr });
  }
} else if (existsSync(bundledNode)) {
  await runUnder(bundledNode);
} else {
  process.stderr.write(
    `restorelab needs Node.js 24 or newer; this is ${process.versions.node}.\n` +
      'Hint: run `npm start` once in a checkout, or install Node.js 24.\n',
  );
  process.exitCode = 5;
}
