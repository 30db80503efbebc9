// Installs what this checkout needs, exactly as locked, and only when that has changed.
// Runs on the machine's own Node (20 or newer), before any dependency is there: plain JavaScript, nothing imported
// but Node itself.
//
//   node scripts/setup.mjs run-time    what `npm start` needs
//   node scripts/setup.mjs all         what `npm test` needs as well
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, 'node_modules', '.restorelab-setup.json');
const wanted = process.argv[2] === 'all' ? 'all' : 'run-time';
const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .update(`${process.platform}-${process.arch}`)
  .digest('hex');

/** What an earlier set-up left: the lock file it installed and how much of it. */
function readStamp() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'));
  } catch {
    return { lock: '', installed: 'nothing' };
  }
}

const stamp = readStamp();
const current = stamp.lock === lock;
if (!current || (wanted === 'all' && stamp.installed !== 'all')) {
  // Once the development dependencies are here, a changed lock file must not take them away again.
  const installed = stamp.installed === 'all' ? 'all' : wanted;
  process.stderr.write(`Installing ${installed === 'all' ? 'all' : 'run-time'} dependencies as locked ...\n`);
  const started = performance.now();
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error', ...(installed === 'all' ? [] : ['--omit=dev'])];
  const { status, error } = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (error !== undefined || status !== 0) {
    process.stderr.write(
      `npm ${args.join(' ')} failed${error === undefined ? ` with exit code ${status}` : `: ${error.message}`}.\n` +
        'Hint: this step needs npm 10 or newer and access to a package registry.\n',
    );
    process.exit(5);
  }
  writeFileSync(stampFile, `${JSON.stringify({ lock, installed })}\n`);
  process.stderr.write(`Dependencies are there (${((performance.now() - started) / 1000).toFixed(1)} s).\n`);
}

const bundled = existsSync(join(root, 'node_modules', '.bin', 'node'));
if (!bundled && Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(
    `restorelab needs Node.js 24 or newer; this is ${process.versions.node}, and none comes from npm for ` +
      `${process.platform}-${process.arch}.\nHint: install Node.js 24 and run the command again.\n`,
  );
  process.exit(5);
}
