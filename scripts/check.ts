// Everything that `npm test` looks at, one step after another; ends with 1 if any step found something.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tests = globSync('test/**/*.test.ts', { cwd: root }).toSorted();

/** Hundreds of processes compile the same sources. */
const env = { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'compiled'), ...process.env };

const steps: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['types', 'tsc', '--noEmit'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['format', 'oxfmt', '--check'],
  ['dead code', 'knip'],
  ['import arrows', 'node', 'scripts/check-imports.ts'],
  ['package', 'publint', '--strict'],
  ['generated files', 'node', 'scripts/generate.ts', '--check'],
  ['tests', 'node', '--test', '--test-reporter=spec', '--test-concurrency=2', ...tests],
];

const only = process.argv.slice(2);
let failed = 0;
for (const [name, command, ...args] of steps) {
  if (only.length > 0 && !only.includes(name)) continue;
  const started = performance.now();
  console.error(`\n== ${name}`);
  const { status, error } = spawnSync(`node_modules/.bin/${command}`, args, { cwd: root, env, stdio: 'inherit' });
  if (error !== undefined) console.error(error.message);
  if (status !== 0) failed += 1;
  console.error(
    `== ${name}: ${status === 0 ? 'ok' : 'FAILED'} (${((performance.now() - started) / 1000).toFixed(1)} s)`,
  );
}
process.exitCode = failed === 0 ? 0 : 1;
