// Checks that imports between the rooms of src/ point one way (docs/architecture.md), and that only the process edge
// touches `process`. Prints every arrow that does not hold and exits with 1.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What each room may import besides itself; every room may import `model`. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  main: ['cli', 'process'],
  cli: [
    'files',
    'capture',
    'decode',
    'scenario',
    'harness',
    'profile',
    'pbs',
    'workload',
    'verify',
    'analysis',
    'report',
    'ui',
    'strategy',
    'process',
    'cache',
    'clock',
    'hardware',
    'metrics',
    'stats',
    'logs',
    'seed',
    'journal',
    'memory',
    'restore',
    'target',
  ],
  seed: ['pbs', 'workload'],
  capture: ['stats', 'material', 'pbs', 'decode', 'hardware'],
  hardware: ['files', 'stats', 'material', 'pbs', 'decode', 'memory', 'clock', 'process'],
  harness: [
    'files',
    'scenario',
    'strategy',
    'metrics',
    'pbs',
    'link',
    'storage',
    'workload',
    'memory',
    'decode',
    'target',
    'clock',
    'process',
    'cache',
    'material',
    'external',
  ],
  profile: ['harness', 'scenario', 'workload', 'pbs/format', 'process', 'cache', 'clock'],
  scenario: ['strategy', 'external'],
  external: ['metrics', 'logs', 'process'],
  workload: ['pbs/format', 'pbs/datastore', 'cache', 'material'],
  memory: [],
  pbs: ['files', 'memory', 'storage', 'clock', 'process', 'material'],
  link: ['clock', 'process'],
  storage: ['clock'],
  decode: ['pbs/format', 'memory', 'clock'],
  target: ['files', 'decode', 'clock', 'pbs/format', 'journal'],
  journal: ['files', 'process'],
  restore: ['harness', 'pbs', 'decode', 'target', 'journal'],
  verify: ['pbs/format', 'pbs/datastore', 'harness', 'decode', 'memory', 'metrics', 'process', 'clock'],
  metrics: ['process'],
  strategy: [],
  simulation: ['strategy', 'clock', 'link', 'storage'],
  analysis: ['stats'],
  report: ['analysis'],
  ui: [],
  logs: [],
  stats: [],
  clock: [],
  process: [],
  cache: ['files'],
  files: [],
  material: [],
  model: [],
};

/** Files that may touch `process`: the edge and the entry files of the processes of a run. */
const edges = /^(main\.ts|cli\/.*|process\/.*|.*\/(main|worker|alarm-thread)\.ts)$/u;

const source = fileURLToPath(new URL('../src', import.meta.url));
const problems: string[] = [];
for (const file of globSync('**/*.ts', { cwd: source })) {
  const room = file.includes('/') ? (file.split('/')[0] ?? '') : file.replace(/\.ts$/u, '');
  const allowed = arrows[room];
  if (allowed === undefined) {
    problems.push(`${file}: the room ${room} is not in the list of scripts/check-imports.ts`);
    continue;
  }
  const text = readFileSync(join(source, file), 'utf8');
  for (const [, specifier = ''] of text.matchAll(/(?:from|import|import\()\s*'(\.[^']+)'/gu)) {
    const target = relative(source, normalize(join(source, dirname(file), specifier)));
    const other = target.split('/')[0] ?? '';
    const permitted =
      other === room ||
      other === 'model' ||
      allowed.some((name) => target === name || target.startsWith(`${name}/`) || target === `${name}.ts`);
    if (!permitted)
      problems.push(
        `${file} imports ${target}: ${room} may import model${allowed.map((name) => `, ${name}`).join('')}`,
      );
  }
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gmu, '');
  if (!edges.test(file) && /(?<![\w.'-])process\.(?!hrtime)/u.test(code)) {
    problems.push(`${file} touches process: only the process edge may`);
  }
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
