// Reads the recorded sessions of test/fixtures/golden/wire line by line, in the order in which the relay saw them.
import { readFileSync } from 'node:fs';

export type Field = readonly [name: string, value: string];

interface Seen {
  readonly connection: number;
  readonly side: 'client' | 'server';
}

export interface SeenHead extends Seen {
  readonly kind: 'head';
  /** Without the empty line behind it. */
  readonly lines: readonly string[];
  /** What was sent behind it, cut at 4000 bytes. */
  body: string;
}

export interface SeenSettings extends Seen {
  readonly kind: 'settings';
  /** `INITIAL_WINDOW_SIZE` and its value. */
  readonly values: readonly (readonly [name: string, value: number])[];
}

export interface SeenWindowUpdate extends Seen {
  readonly kind: 'window-update';
  readonly stream: number;
  readonly increment: number;
}

export interface SeenHeaders extends Seen {
  readonly kind: 'headers';
  readonly stream: number;
  readonly isEnd: boolean;
  readonly fields: readonly Field[];
}

/** All DATA of a stream, at its end. */
export interface SeenData extends Seen {
  readonly kind: 'data';
  readonly stream: number;
  readonly total: number;
  /** Text of a JSON or plain body, cut at 4000 bytes; of others there is {@link first16}. */
  readonly text: string | undefined;
  readonly first16: string | undefined;
}

export interface SeenPreface extends Seen {
  readonly kind: 'preface';
}

/** The client has closed its connection. */
export interface SeenEnd extends Seen {
  readonly kind: 'end';
}

export type SeenEvent = SeenEnd | SeenHead | SeenSettings | SeenWindowUpdate | SeenHeaders | SeenData | SeenPreface;

const LINE = /^ *\d+\.\d+ #(\d+) (C>S|S>C) (.*)$/u;

export function readSessionLog(log: string): readonly SeenEvent[] {
  const events: SeenEvent[] = [];
  let into: { readonly head: SeenHead & { lines: string[] }; readonly isBody: boolean } | undefined;
  const path = new URL(`../../../fixtures/golden/wire/${log}`, import.meta.url);
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const [isEvent, number = '', direction = '', what = ''] = LINE.exec(line) ?? [];
    if (isEvent === undefined) {
      if (into !== undefined && line !== '') addLine(into.head, into.isBody, line);
      continue;
    }
    into = undefined;
    const seen: Seen = { connection: Number(number), side: direction === 'C>S' ? 'client' : 'server' };
    if (what.startsWith('HTTP/1.1 head')) {
      const head = { ...seen, kind: 'head', lines: [], body: '' } satisfies SeenHead;
      into = { head, isBody: false };
      events.push(head);
    } else if (what.startsWith('body ')) {
      const head = events.findLast(
        (event): event is SeenHead & { lines: string[] } =>
          event.kind === 'head' && event.connection === seen.connection && event.side === seen.side,
      );
      if (head !== undefined) into = { head, isBody: true };
    } else {
      const event = frameOf(seen, what);
      if (event !== undefined) events.push(event);
    }
  }
  return events;
}

function addLine(head: SeenHead & { lines: string[] }, isBody: boolean, line: string): void {
  if (isBody) head.body += line;
  else head.lines.push(line);
}

function frameOf(seen: Seen, what: string): SeenEvent | undefined {
  if (what.startsWith('HTTP/2 preface')) return { ...seen, kind: 'preface' };
  if (what.startsWith('connection read/relay ended'))
    return seen.side === 'client' ? { ...seen, kind: 'end' } : undefined;
  const update = /^WINDOW_UPDATE stream=(\d+) \+(\d+)$/u.exec(what);
  if (update !== null)
    return { ...seen, kind: 'window-update', stream: Number(update[1]), increment: Number(update[2]) };
  if (/^SETTINGS [A-Z_]+=/u.test(what)) {
    const values = what
      .split(' ')
      .slice(1)
      .map((pair) => pair.split('='));
    return { ...seen, kind: 'settings', values: values.map(([name = '', value]) => [name, Number(value)]) };
  }
  const headers = /^HEADERS stream=(\d+) end_stream=(true|false) /u.exec(what);
  if (headers !== null) {
    const [, ...fields] = what.split(' | ');
    return {
      ...seen,
      kind: 'headers',
      stream: Number(headers[1]),
      isEnd: headers[2] === 'true',
      fields: fields.map((text) => [text.slice(0, text.indexOf(':', 1)), text.slice(text.indexOf(':', 1) + 2)]),
    };
  }
  const data = /^DATA stream=(\d+) END_STREAM total=(\d+) in \d+ frames (?:body=(.*)|first16=([0-9a-f]*))$/su.exec(
    what,
  );
  if (data === null) return undefined;
  return { ...seen, kind: 'data', stream: Number(data[1]), total: Number(data[2]), text: data[3], first16: data[4] };
}
