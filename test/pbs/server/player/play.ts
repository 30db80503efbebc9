// Drives a recorded session into a server, request by request, and holds the answers against the recorded ones.
import assert from 'node:assert/strict';
import { zstdDecompressSync } from 'node:zlib';

import type { Field } from '../log-entries.ts';
import { Bodies, type MadeChunks } from './bodies.ts';
import { PlayedConnection, type PlayedAnswer } from './played-connection.ts';
import { readSessionLog, type SeenData, type SeenEvent, type SeenHead, type SeenHeaders } from './session-log.ts';

/** What every recorded session of HTTP/2 began with, from the server: SETTINGS by number, then WINDOW_UPDATE. */
const announced = ['3=200', '4=33554432', '5=4194304', '6=16384', '0+33488897'];

interface Playing {
  readonly connection: PlayedConnection;
  readonly bodies: Bodies;
  answer: { readonly lines: readonly string[]; readonly body: string };
  readonly paths: Map<number, string>;
  /** Bodies that are still to be sent. */
  readonly unsent: Map<number, Buffer>;
  readonly recordedFields: Map<number, readonly Field[]>;
}

export interface PlayedCounts {
  /** HTTP/2 answers that were compared. */
  readonly answers: number;
  /** Bodies that were sent, in bytes. */
  readonly sentBytes: number;
}

export async function play(log: string, port: number, made: MadeChunks): Promise<PlayedCounts> {
  const events = readSessionLog(log);
  const playing = new Map<number, Playing>();
  const counts = { answers: 0, sentBytes: 0 };
  let credentials = { ticket: '', csrfToken: '' };
  const bodySeen = (connection: number, stream: number): SeenData | undefined =>
    events.find(
      (event): event is SeenData =>
        event.kind === 'data' && event.side === 'client' && event.connection === connection && event.stream === stream,
    );
  const headersSeen = (connection: number, stream: number): SeenHeaders | undefined =>
    events.find(
      (event): event is SeenHeaders =>
        event.kind === 'headers' &&
        event.side === 'client' &&
        event.connection === connection &&
        event.stream === stream,
    );
  const sendBody = async ({ connection, unsent }: Playing, stream: number): Promise<void> => {
    const body = unsent.get(stream);
    if (body === undefined) return;
    unsent.delete(stream);
    counts.sentBytes += body.length;
    await connection.data(stream, body);
  };

  try {
    for (const event of events) {
      if (event.kind === 'head' && event.side === 'client') {
        const known = playing.get(event.connection);
        const now = known ?? (await begin(port, made, event));
        const current = event.lines[0]?.includes('/backup?') === true ? { ...now, ...bodiesOf(made, event) } : now;
        playing.set(event.connection, current);
        current.answer = await exchangePatiently(current.connection, requestText(event, credentials));
        continue;
      }
      const current = playing.get(event.connection);
      assert.ok(current !== undefined, `connection ${event.connection} was opened`);
      if (event.kind === 'head') credentials = compareHeads(event, current.answer) ?? credentials;
      else if (event.side === 'client') await playFrame(event, current, bodySeen, sendBody);
      else if (event.kind === 'headers') current.recordedFields.set(event.stream, event.fields);
      else if (event.kind === 'data') {
        // The relay has seen both directions on their own: an answer may stand before its request, or the end of that.
        const request = headersSeen(event.connection, event.stream);
        if (request !== undefined) await playFrame(request, current, bodySeen, sendBody);
        await sendBody(current, event.stream);
        const answer = await current.connection.answer(event.stream);
        const path = current.paths.get(event.stream) ?? '';
        if (/^\/\w+_index\?/u.test(path)) {
          const [wid, recordedWid] = [dataOf(answer.body.toString()), dataOf(event.text ?? '')];
          current.bodies.opened(path, recordedWid, wid);
          answer.body = Buffer.from(event.text ?? '');
          assert.ok(Number.isInteger(wid) && wid > 0);
        }
        compareAnswers(path, { fields: current.recordedFields.get(event.stream) ?? [], data: event }, answer, made);
        counts.answers += 1;
      }
    }
    for (const { connection, recordedFields } of playing.values()) {
      if (recordedFields.size > 0) assert.deepEqual(connection.announced.slice(0, announced.length), announced);
    }
    return counts;
  } finally {
    for (const { connection } of playing.values()) await connection.close();
  }
}

/** How long a server may take to see that the backup before is over; in the recordings it takes 40 ms at most. */
const PATIENCE_MS = 2000;

/** As a client that begins a backup right behind the last one of the group. */
async function exchangePatiently(connection: PlayedConnection, request: string): Promise<Playing['answer']> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await connection.exchange(request);
    if (!answer.body.startsWith('unable to acquire backup group lock') || Date.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function begin(port: number, made: MadeChunks, head: SeenHead): Promise<Playing> {
  return {
    connection: await PlayedConnection.open(port),
    ...bodiesOf(made, head),
    answer: { lines: [], body: '' },
    paths: new Map(),
    unsent: new Map(),
    recordedFields: new Map(),
  };
}

const bodiesOf = (made: MadeChunks, { lines }: SeenHead): Pick<Playing, 'bodies'> => ({
  bodies: new Bodies(made, lines[0]?.split(' ')[1] ?? ''),
});

async function playFrame(
  event: Exclude<SeenEvent, SeenHead>,
  { connection, bodies, paths, unsent, ...rest }: Playing,
  bodySeen: (connection: number, stream: number) => SeenData | undefined,
  sendBody: (playing: Playing, stream: number) => Promise<void>,
): Promise<void> {
  if (event.kind === 'end') await connection.close();
  else if (event.kind === 'preface') connection.preface();
  else if (event.kind === 'settings') connection.settings(event.values);
  else if (event.kind === 'window-update') connection.windowUpdate(event.stream, event.increment);
  else if (event.kind === 'data') await sendBody({ connection, bodies, paths, unsent, ...rest }, event.stream);
  else {
    const seen = bodySeen(event.connection, event.stream);
    if (paths.has(event.stream)) return;
    // The log was cut in the middle of these.
    if (!event.isEnd && seen === undefined) return;
    const recordedPath = event.fields.find(([name]) => name === ':path')?.[1] ?? '';
    const { path, body } = bodies.of(recordedPath, seen);
    paths.set(event.stream, path);
    const fields = event.fields.map(([name, value]): Field => [name, name === ':path' ? path : value]);
    connection.headers(event.stream, fields, event.isEnd);
    if (body !== undefined) unsent.set(event.stream, body);
  }
}

function requestText({ lines, body }: SeenHead, { ticket, csrfToken }: { ticket: string; csrfToken: string }): string {
  const sent = lines.map((line) =>
    line.startsWith('content-length:')
      ? `content-length: ${Buffer.byteLength(body)}`
      : line.replace('PBS:bench@pbs:TICKET', () => ticket).replace('CSRF-TOKEN', () => csrfToken),
  );
  return `${sent.join('\r\n')}\r\n\r\n${body}`;
}

const namesOf = (lines: readonly string[]): readonly string[] => lines.map((line) => line.split(':')[0] ?? '');

/** Dates differ, and lengths where credentials are of another length. */
const withoutDate = (line: string): string => line.replace(/^(date|content-length):.*/u, '$1');

const dataOf = (json: string): number => (JSON.parse(json) as { data: number }).data;

/** Returns the ticket of an answer that has one. */
function compareHeads(
  recorded: SeenHead,
  answer: Playing['answer'],
): { readonly ticket: string; readonly csrfToken: string } | undefined {
  assert.deepEqual(answer.lines.map(withoutDate), recorded.lines.map(withoutDate));
  if (!recorded.body.includes('CSRF-TOKEN')) {
    assert.equal(answer.body, recorded.body);
    return undefined;
  }
  const { data } = JSON.parse(answer.body) as { data: { ticket: string; CSRFPreventionToken: string } };
  assert.deepEqual(Object.keys(data), namesOf(['CSRFPreventionToken', 'ticket', 'username']));
  return { ticket: data.ticket, csrfToken: data.CSRFPreventionToken };
}

function compareAnswers(
  path: string,
  recorded: { readonly fields: readonly Field[]; readonly data: SeenData },
  { fields, body }: PlayedAnswer,
  made: MadeChunks,
): void {
  const { text, first16 = '', total } = recorded.data;
  const ownChunk = made.answerTo(path);
  // A manifest is rewritten by the server, ours with its own zstd.
  const isManifest = path.includes('index.json.blob') && path.startsWith('/previous');
  const comparable = (list: readonly Field[]): readonly Field[] =>
    list.map(([name, value]) => {
      const isOwn = name === 'date' || (name === 'content-length' && ownChunk !== undefined);
      return [name, isOwn ? '' : value];
    });
  assert.deepEqual(comparable(fields), comparable(recorded.fields), path);
  if (ownChunk !== undefined) {
    assert.ok(body.equals(ownChunk), path);
  } else if (text !== undefined) {
    assert.equal(body.toString(), made.translate(text), path);
  } else if (isManifest) {
    assert.equal(body.toString('hex', 0, 8), first16.slice(0, 16), path);
    const manifest = JSON.parse(zstdDecompressSync(body.subarray(12)).toString()) as Record<string, object>;
    assert.deepEqual(
      Object.keys(manifest),
      ['backup-id', 'backup-time', 'backup-type', 'files', 'signature', 'unprotected'],
      path,
    );
    assert.ok('chunk_upload_stats' in (manifest['unprotected'] ?? {}));
  } else {
    assert.equal(body.length, total, path);
    // An index that was made just now has an identity of its own; files of the golden datastore are the recorded ones.
    const known = path.startsWith('/previous') || !made.isEmpty ? 8 : 16;
    assert.equal(body.toString('hex', 0, known), first16.slice(0, 2 * known), path);
  }
}
