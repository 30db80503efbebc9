import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { commandName, commands } from '../../src/cli/commands.ts';
import { exitCodes } from '../../src/model/errors.ts';
import { Workbench } from '../e2e/workbench.ts';

const start = fileURLToPath(new URL('../../src/restorelab.js', import.meta.url));

await describe('the command line', async () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => await bench[Symbol.asyncDispose]());

  test('lists every command, and shows the help of each with its options and examples', async () => {
    const { stdout } = await bench.command(['--help']);
    for (const listed of commands) {
      const name = commandName(listed);
      assert.ok(stdout.includes(`restorelab ${listed.usage}`), name);
      const { exitCode, stdout: help } = await bench.command([name, '--help']);
      assert.equal(exitCode, exitCodes.fine);
      const { options } = await listed.load();
      for (const option of Object.keys(options)) assert.ok(help.includes(`--${option}`), `${name} --${option}`);
      assert.match(help, new RegExp(`Examples:\\n +restorelab ${name}`, 'u'));
    }
  });

  test('describes exactly the positional arguments that a command takes', async () => {
    for (const listed of commands) {
      const taken = [...listed.usage.matchAll(/[<[]([\w-]+)(?:\.\.)?[>\]]/gu)].map(([, name]) => name);
      assert.deepEqual(Object.keys((await listed.load()).positionals), taken, listed.usage);
    }
  });

  test('points at the command and at the option that was meant', async () => {
    const command = await bench.command(['restor', 'a']);
    assert.equal(command.exitCode, exitCodes.usage);
    assert.match(command.stderr, /unknown command restor\nhint: did you mean restore\?/u);
    const option = await bench.command(['restore', 'a', 'b', 'c', '--in-fligth', '4']);
    assert.equal(option.exitCode, exitCodes.usage);
    assert.match(option.stderr, /unknown option --in-fligth\nhint: did you mean --in-flight\?/u);
    const few = await bench.command(['restore', 'a']);
    assert.match(few.stderr, /ARCHIVE and TARGET are missing/u);
    const many = await bench.command(['restore', 'a', 'b', 'c', 'd']);
    assert.equal(many.exitCode, exitCodes.usage);
    assert.match(many.stderr, /d is one argument too many\nhint: see `restorelab restore --help`/u);
    const choice = await bench.command(['verify', 'a', '--order', 'inodes']);
    assert.match(choice.stderr, /--order cannot be inodes: did you mean inode\?/u);
    const action = await bench.command(['cache', 'claer']);
    assert.match(action.stderr, /claer is no action: did you mean clear\?/u);
    const none = await bench.command([]);
    assert.equal(none.exitCode, exitCodes.usage);
    assert.match(none.stderr, /a command is missing/u);
  });

  test('an option that lacks its value is named, and an empty one is a value', async () => {
    for (const [args, option] of [
      [['run', 'quickstart', '--repeats', '--dry-run'], '--repeats'],
      [['snapshots', '--ns', '--repository', 'x'], '--ns'],
      [['restore', 'a', 'b', 'c', '--strategy'], '--strategy'],
    ] as const) {
      const { exitCode, stderr } = await bench.command(args);
      assert.equal(exitCode, exitCodes.usage, stderr);
      assert.match(stderr, new RegExp(`^restorelab: ${option} needs a value\nhint: see \`restorelab ${args[0]} `, 'u'));
    }
    const empty = await bench.command(['snapshots', '--ns', '']);
    assert.match(empty.stderr, /no repository is given/u);
  });

  test('words behind -- are not passed over', async () => {
    const { exitCode, stderr } = await bench.command(['cache', '--', 'clear']);
    assert.equal(exitCode, exitCodes.usage);
    assert.match(stderr, /`--` is not understood/u);
  });

  test('what the system refuses of a path is no mistake of restorelab', async () => {
    await symlink('loop', join(bench.folder, 'loop'));
    for (const [args, code] of [
      [['parse-log', 'loop'], 'ELOOP'],
      [['inspect', 'loop'], 'ELOOP'],
      [['restore', 'vm/100/2026-01-31T02:00:00Z', 'drive-scsi0.img', 'x'.repeat(250)], 'ENAMETOOLONG'],
    ] as const) {
      const { exitCode, stderr } = await bench.command(args);
      assert.equal(exitCode, exitCodes.machine, stderr);
      assert.match(stderr, new RegExp(`^restorelab: .*${code}.*\nhint: .+\n$`, 'u'));
      assert.doesNotMatch(stderr, /internal error/u);
    }
  });

  test('completes commands, and the options of one', async () => {
    const complete = async (...words: readonly string[]): Promise<readonly string[]> => {
      const args = [start, '--get-yargs-completions', 'restorelab', ...words];
      const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...bench.env } });
      return stdout.trimEnd().split('\n');
    };
    const offered = await complete('re');
    for (const listed of commands) assert.ok(offered.some((word) => word.startsWith(commandName(listed))));
    const options = await complete('verify', '--');
    assert.ok(options.includes('--read-threads') && options.includes('--verify-threads'), options.join(' '));
    assert.ok(!options.includes('--in-flight'), 'that is one of another command');
  });
});
