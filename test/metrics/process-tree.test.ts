import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { ProcessTree } from '../../src/metrics/process-tree.ts';
import { HeldCommand } from '../../src/process/held-command.ts';

/** CPU seconds that the burner takes, by its own clock; a child can burn no less than it says. */
const BURN_MS = 150;
const burn = `const end = process.cpuUsage(); while (process.cpuUsage(end).user + process.cpuUsage(end).system < ${BURN_MS}e3);`;
const node = process.execPath;

/** Runs a command, scanning its tree every few milliseconds, and returns the last reading before it is released. */
async function measure(script: string): Promise<{ cpuMs: number; processes: number; readBytes: number | undefined }> {
  await using held = await HeldCommand.prepare(['/bin/sh', '-c', script, 'sh', node, burn], {
    cwd: tmpdir(),
    env: {},
    isInherited: () => true,
  });
  const tree = new ProcessTree(held.pid);
  held.stdout.resume();
  let processes = 0;
  const timer = setInterval(() => {
    processes = Math.max(processes, tree.scan()?.processes ?? 0);
  }, 10);
  held.start();
  assert.equal(await held.ended, 0);
  clearInterval(timer);
  const last = tree.scan();
  assert.ok(last !== undefined);
  for (const pid of tree.pids) process.kill(pid, 'SIGKILL');
  await held.release();
  return { cpuMs: last.cpuMs, processes, readBytes: last.io?.readBytes };
}

/** What starting Node alone costs, measured the same way. */
async function startMs(): Promise<number> {
  return (await measure('"$1" -e 0')).cpuMs;
}

await describe('the CPU of a process tree', async () => {
  // Two ticks of 10 ms may be cut for each process, and Node's start varies.
  const tolerance = 0.35;

  for (const [what, script, burners] of [
    ['a command', '"$1" -e "$2"', 1],
    ['children that run one after the other', '"$1" -e "$2"; "$1" -e "$2"', 2],
    ['grandchildren beside one another', '(sh -c \'"$0" -e "$1"; :\' "$1" "$2" & "$1" -e "$2"; wait)', 2],
    [
      'a grandchild that its parent has left, once it has ended too',
      // The middle shell ends at once, so that its child is handed to init; the mark tells when the child has ended.
      '(sh -c \'("$0" -e "$1"; sleep 0.5; echo > "$2") & :\' "$1" "$2" "$PWD/left-$$"); while [ ! -e "$PWD/left-$$" ]; do sleep 0.05; done; rm "$PWD/left-$$"; sleep 0.05',
      1,
    ],
  ] as const) {
    test(`is complete: ${what}`, async () => {
      const start = await startMs();
      const { cpuMs } = await measure(script);
      const expected = burners * BURN_MS;
      assert.ok(cpuMs >= expected * (1 - tolerance), `${cpuMs} ms of ${expected} ms were seen`);
      assert.ok(
        cpuMs <= (expected + burners * 3 * start + 100) * (1 + tolerance),
        `${cpuMs} ms were seen of ${expected} ms and ${burners} starts of ${start} ms`,
      );
    });
  }

  test('counts those that live now, and bytes of those that have ended', async () => {
    const { processes, readBytes } = await measure(
      'head -c 5000000 /dev/zero > /dev/null; sleep 0.3 & sleep 0.3 & wait',
    );
    assert.ok(processes >= 3, `${processes} processes at once`);
    assert.ok((readBytes ?? 0) >= 5_000_000, `${readBytes} bytes were read`);
  });
});

await describe('a command that is held', async () => {
  const options = { cwd: tmpdir(), env: { KEPT: 'yes' }, isInherited: (name: string) => name === 'PATH' };

  test('has the variables that it is given and those that may pass, and no others', async () => {
    process.env['PBS_SECRET_OF_THE_USER'] = 'hidden';
    try {
      await using held = await HeldCommand.prepare(['env'], options);
      let text = '';
      held.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      held.start();
      assert.equal(await held.ended, 0);
      await held.release();
      assert.match(text, /^KEPT=yes$/mu);
      assert.match(text, /^PATH=/mu);
      assert.doesNotMatch(text, /hidden|HOME=/u);
    } finally {
      delete process.env['PBS_SECRET_OF_THE_USER'];
    }
  });

  test('says how it ended, also where it is not there or was killed', async () => {
    for (const [command, code] of [
      [['sh', '-c', 'exit 9'], 9],
      [['./not-there'], 127],
      [['sh', '-c', 'kill -9 $$'], 137],
    ] as const) {
      await using held = await HeldCommand.prepare(command, options);
      held.start();
      assert.equal(await held.ended, code);
      await held.release();
    }
  });

  test('is ended with its group when the process that holds it dies', { timeout: 60_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'restorelab-held-'));
    try {
      const mark = join(folder, 'alive');
      const program = `
        import { HeldCommand } from ${JSON.stringify(new URL('../../src/process/held-command.ts', import.meta.url).href)};
        const held = await HeldCommand.prepare(['sh', '-c', 'while :; do touch ${mark}; sleep 0.02; done'],
          { cwd: '/', env: {}, isInherited: () => true });
        held.start();
        console.log(held.pid);
      `;
      const holder = spawn(node, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
      using _holder = { [Symbol.dispose]: () => void holder.kill('SIGKILL') };
      const [text] = (await once(holder.stdout, 'data')) as [Buffer];
      while (!existsSync(mark)) await pause();
      holder.kill('SIGKILL');
      await once(holder, 'exit');
      while (isGroupAlive(Number(text))) await pause();
      await rm(mark);
      await pause();
      await pause();
      assert.equal(existsSync(mark), false);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

await describe('a tree whose files are planted', async () => {
  test('has those that left their parents but not the session, and keeps what the vanished had used', async () => {
    const proc = await mkdtemp(join(tmpdir(), 'restorelab-proc-'));
    const plant = async (pid: number, parent: number, session: number, ticks: number, waited = 0): Promise<void> => {
      await mkdir(join(proc, String(pid)), { recursive: true });
      const fields = ['S', parent, session, session, 0, -1, 0, 0, 0, 0, 0, ticks, 0, waited, 0, 20, 0, 1, 0, pid];
      await writeFile(join(proc, String(pid), 'stat'), `${pid} (a) (b) ${fields.join(' ')} 0 0`);
    };
    const gone = async (pid: number): Promise<void> => await rm(join(proc, String(pid)), { recursive: true });
    try {
      await plant(1, 0, 1, 1000);
      await plant(100, 1, 100, 5);
      await plant(7, 1, 7, 999);
      const tree = new ProcessTree(100, proc);
      await plant(101, 100, 100, 10);
      // Of another session, but below; an orphan of the session; an orphan that left both.
      await plant(102, 101, 102, 20);
      await plant(103, 1, 100, 30);
      assert.equal(tree.scan()?.cpuMs, 600);
      await plant(102, 1, 102, 25);
      assert.equal(tree.scan()?.cpuMs, 650, 'known by its id although it has left everything');
      assert.deepEqual(
        tree.pids.toSorted((a, b) => a - b),
        [101, 102, 103],
      );
      await gone(102);
      await gone(103);
      await gone(101);
      await plant(100, 1, 100, 5, 12);
      assert.equal(tree.scan()?.cpuMs, 670, 'the orphans as last seen, the child as its parent tells');
      await plant(102, 1, 7, 500);
      assert.equal(tree.scan()?.processes, 0, 'another process with an old id');
      await gone(100);
      assert.equal(tree.scan(), undefined);
    } finally {
      await rm(proc, { recursive: true });
    }
  });
});

async function pause(): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, 50);
  });
}

function isGroupAlive(group: number): boolean {
  return spawnSync('kill', ['-0', '--', `-${group}`]).status === 0;
}
