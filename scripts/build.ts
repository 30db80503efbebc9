// Compiles src/ into dist/ for a package (`npm pack` calls it), or removes dist/ again with --clean: a checkout always
// runs its sources, so compiled code that lies about could only mislead.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${root}/dist`, { recursive: true, force: true });
if (!process.argv.includes('--clean')) {
  const { status } = spawnSync(`${root}/node_modules/.bin/tsc`, ['-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  process.exitCode = status ?? 1;
}
