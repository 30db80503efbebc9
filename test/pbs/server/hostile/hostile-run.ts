import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import type { ClientHttp2Session } from 'node:http2';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { SeededRandom } from '../../../../src/material/seeded-random.ts';
import { listGroups } from '../../../../src/pbs/datastore/list-snapshots.ts';
import { DatastoreLocks } from '../../../../src/pbs/lock/datastore-locks.ts';
import { temporaryFolder } from '../../datastore/golden.ts';
import { exchange, fetchH2, getText, openTls, startHttp2, type RawAnswer } from '../raw-client.ts';
import { RestLab, tokenHeader } from '../rest/rest-lab.ts';
import {
  brokenBytes,
  publicRequest,
  randomMember,
  requestText,
  sessionRequest,
  type HostileRequest,
  type SessionKind,
} from './hostile-requests.ts';

export interface HostileRunOptions {
  readonly requests: number;
  readonly seed: string;
}

export interface HostileTally {
  readonly requests: number;
  /** Answers by status; `none` for what was no request, or cut short. */
  readonly answers: ReadonlyMap<string, number>;
  /** Of all memory that the process has for data, after garbage collection, since the first tenth of the requests. */
  readonly grownBytes: number;
  /** Files and connections that are still open afterwards. */
  readonly leftFiles: number;
}

/** Clients at the same time; more would only wait for one another. */
const LANES = 6;

/** Requests of a connection, or of a session, until the client comes anew. */
const REQUESTS_PER_SESSION = 40;

/** How long an answer to something broken is waited for: most of it is half a request, which has none. */
const BROKEN_WAIT_MS = 15;

/** Stands beside the datastore, and in no answer. */
const OUTSIDE = 'what is outside of the datastore';

/** What no answer may have as its status: anything that a real server does not say. */
const isKnownStatus = (status: number): boolean =>
  [100, 101, 200, 400, 401, 403, 404, 413, 414, 417, 431].includes(status);

/**
 * Asks a server of a copy of the golden datastore for right, changed and random things over HTTP/1.1 and inside of
 * sessions, from several clients of which some go away in the middle.
 * @throws where it answers what it should not, is gone, or has changed or shown something outside of its datastore
 */
export async function runHostileRequests({ requests, seed }: HostileRunOptions): Promise<HostileTally> {
  await using outside = await temporaryFolder();
  writeFileSync(join(outside.path, 'secret.blob'), OUTSIDE);
  let tally: HostileTally;
  {
    await using lab = await RestLab.start({
      nobody: [],
      reader: [{ path: '/datastore/tank', role: 'DatastoreReader' }],
    });
    mkdirSync(join(lab.path, 'ns/a/ns/b'), { recursive: true });
    symlinkSync(outside.path, join(lab.path, 'ns/linked'));
    for (const snapshot of ['2026-02-13T16:27:41Z', '2026-02-16T16:30:44Z'])
      symlinkSync(join(outside.path, 'secret.blob'), join(lab.path, 'vm/100', snapshot, 'linked.blob'));
    const filesBefore = openFiles();
    const outcome = await attack(lab, { requests, seed });
    for (let wait = 0; wait < 200 && openFiles() > filesBefore; wait += 1) await sleep(10);
    tally = { ...outcome, leftFiles: openFiles() - filesBefore };
    await requireUnlocked(lab.path);
    const alive = await lab.ask('admin/datastore/tank/snapshots?backup-id=100');
    if (alive.status !== 200) throw new Error(`the server answers ${alive.status} afterwards`);
  }
  if (readFileSync(join(outside.path, 'secret.blob'), 'utf8') !== OUTSIDE || readdirSync(outside.path).length !== 1)
    throw new Error('something outside of the datastore was changed');
  return tally;
}

async function attack(lab: RestLab, { requests, seed }: HostileRunOptions): Promise<Omit<HostileTally, 'leftFiles'>> {
  const answers = new Map<string, number>();
  const progress = { done: 0 };
  let startBytes: number | undefined;
  const count = (status: number | undefined): void => {
    const key = String(status ?? 'none');
    answers.set(key, (answers.get(key) ?? 0) + 1);
    progress.done += 1;
  };
  const lane = async (number: number): Promise<void> => {
    const random = new SeededRandom(`${seed} ${number}`);
    while (progress.done < requests) {
      await randomMember(random, [askPublic, askPublic, askBroken, askInSession])(lab, random, count);
      if (startBytes === undefined && progress.done > requests / 10) startBytes = dataBytes();
    }
  };
  await Promise.all(Array.from({ length: LANES }, async (_, number) => await lane(number)));
  // The last connections are closed soon after their clients have gone.
  await sleep(100);
  return { requests: progress.done, answers, grownBytes: dataBytes() - (startBytes ?? 0) };
}

type Ask = (lab: RestLab, random: SeededRandom, count: (status: number | undefined) => void) => Promise<void>;

/** Nobody, somebody wrong, somebody who may do nothing, who may read, and, more often, who may do everything. */
const credentials: readonly (readonly string[])[] = [
  [],
  ['authorization: PBSAPIToken=admin@pbs!t:wrong'],
  ['cookie: PBSAuthCookie=PBS:root@pam:00000000::x'],
  [`authorization: ${tokenHeader('nobody').authorization}`],
  [`authorization: ${tokenHeader('reader').authorization}`],
  ...Array.from({ length: 10 }, () => [`authorization: ${tokenHeader('admin').authorization}`]),
];

/** Whole requests, one after the other on one connection as long as the server keeps it open. */
const askPublic: Ask = async (lab, random, count) => {
  const socket = await openTls(lab.server.port);
  try {
    for (let turn = 0; turn < REQUESTS_PER_SESSION; turn += 1) {
      const request = publicRequest(random, credentials);
      const answer = await exchange(socket, requestText(request)).catch(() => undefined);
      if (answer !== undefined) judge(request, answer);
      count(answer?.status);
      if (answer === undefined || answer.status === 101) return;
    }
  } finally {
    socket.destroy();
  }
};

/** What mostly is no request. */
const askBroken: Ask = async (lab, random, count) => {
  const socket = await openTls(lab.server.port);
  try {
    const request = publicRequest(random, credentials);
    socket.write(brokenBytes(random, requestText(request)));
    const answer = await Promise.race([exchange(socket, '').catch(() => undefined), sleep(BROKEN_WAIT_MS)]);
    if (answer !== undefined) judge(request, answer);
    count(answer?.status);
  } finally {
    socket.destroy();
  }
};

/** A session in which many things are asked for at once, and which may end before they are answered. */
const askInSession: Ask = async (lab, random, count) => {
  const socket = await openTls(lab.server.port);
  try {
    const kind = randomMember(random, ['reader', 'backup'] as const);
    const session = await openSession(random, socket, kind);
    count(session === undefined ? 400 : 101);
    if (session === undefined) return;
    const asked = Array.from({ length: REQUESTS_PER_SESSION }, async () => {
      const request = sessionRequest(random, kind);
      const answer = await fetchH2(session, request.target, request).catch(() => undefined);
      const isAnswered = answer !== undefined && answer.status > 0;
      if (isAnswered) judge(request, { ...answer, body: answer.body.toString() });
      count(isAnswered ? answer.status : undefined);
    });
    if (random.below(3) === 0) {
      await sleep(random.below(10));
      socket.destroy();
    }
    await Promise.all(asked);
    session.destroy();
  } finally {
    socket.destroy();
  }
};

async function openSession(
  random: SeededRandom,
  socket: TLSSocket,
  kind: SessionKind,
): Promise<ClientHttp2Session | undefined> {
  const time = randomMember(random, ['1771000061', '1771259444', '1577836800', '1900000000']);
  const id = kind === 'backup' ? `fuzz-${random.below(20)}` : '100';
  const protocol = { reader: 'proxmox-backup-reader-protocol-v1', backup: 'proxmox-backup-protocol-v1' }[kind];
  const answer = await exchange(
    socket,
    getText(`/api2/json/${kind}?backup-id=${id}&backup-time=${time}&backup-type=vm&store=tank`, {
      ...tokenHeader('admin'),
      connection: 'upgrade',
      upgrade: protocol,
    }),
  );
  return answer.status === 101 ? startHttp2(socket) : undefined;
}

function judge(request: HostileRequest, { status, body }: Pick<RawAnswer, 'status' | 'body'>): void {
  const asked = `${request.method} ${request.target}`;
  if (!isKnownStatus(status)) throw new Error(`${asked}: answered with ${status} ${body}`);
  if (body.includes(OUTSIDE)) throw new Error(`${asked}: shows what is outside of the datastore`);
  if (/^\s+at .*\.ts:\d+/mu.test(body)) throw new Error(`${asked}: shows a stack: ${body}`);
}

/** Every group and snapshot can be had for oneself, so nobody has kept a lock. */
async function requireUnlocked(base: string): Promise<void> {
  const locks = new DatastoreLocks(base);
  const groups = await listGroups(base);
  const folders = groups.flatMap(({ type, id, snapshots }) => [
    join(base, type, id),
    ...snapshots.map(({ name }) => join(base, name)),
  ]);
  for (const folder of folders) {
    const lock = await locks.tryLock(folder, 'exclusive');
    if (lock === undefined) throw new Error(`${folder} is still locked`);
    lock.release();
  }
}

const openFiles = (): number => readdirSync('/proc/self/fd').length;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function dataBytes(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
