import { fieldOf, fieldsOf, readLogEntries, type Field, type LogEntry } from './log-entries.ts';

/** One recorded HTTP/1.1 exchange. */
export interface RecordedExchange {
  readonly requestHead: readonly string[];
  readonly requestBody: string;
  readonly status: number;
  readonly headers: readonly Field[];
  /** The log has no more than the first 4000 bytes. */
  readonly body: string;
  /** Of the whole body, before credentials in it were replaced. */
  readonly bodyBytes: number;
}

/** What a recorded HTTP/2 request carried. */
export interface RecordedRequest {
  /** In the order of the log, pseudo fields included. */
  readonly fields: readonly Field[];
  readonly bodyBytes: number;
  /** Of a body that is no text, its first 16 bytes as hex. */
  readonly bodyFirst16: string;
  /** Of a body that is one. */
  readonly bodyText: string;
}

/** One recorded HTTP/2 request and what came back. */
export interface RecordedStream {
  readonly path: string;
  readonly request: RecordedRequest;
  readonly headers: readonly Field[];
  readonly totalBytes: number;
  readonly first16: string;
}

export interface RecordedConnection {
  readonly exchanges: readonly RecordedExchange[];
  readonly streams: readonly RecordedStream[];
  /** What the client sent of HTTP/2, one frame a line as in the log, without times: `SETTINGS MAX_FRAME_SIZE=4194304`. */
  readonly clientFrames: readonly string[];
}

/** Reads a session, by its connections and streams. */
export function readWireLog(path: string | URL): readonly RecordedConnection[] {
  const entries = readLogEntries(path);
  const numbers = [...new Set(entries.map(({ connection }) => connection))];
  return numbers.map((number) => readConnection(entries.filter(({ connection }) => connection === number)));
}

function readConnection(entries: readonly LogEntry[]): RecordedConnection {
  const of = (direction: LogEntry['direction'], pattern: RegExp): readonly LogEntry[] =>
    entries.filter((entry) => entry.direction === direction && pattern.test(entry.what));
  const isHead = /^HTTP\/1.1 head/u;
  const answers = of('S>C', isHead);
  const bodyBehind = (head: LogEntry): { text: string; bytes: number } => {
    const next = entries.slice(entries.indexOf(head) + 1).find(({ direction }) => direction === head.direction);
    const [, bytes] = /^body \(\D*(\d+)/u.exec(next?.what ?? '') ?? [];
    return { text: bytes === undefined ? '' : (next?.lines ?? []).join('\n').trimEnd(), bytes: Number(bytes ?? 0) };
  };
  const exchanges = of('C>S', isHead).map((request, index): RecordedExchange => {
    const answer = answers[index];
    if (answer === undefined) throw new Error(`request ${index} has no answer`);
    const [first = '', ...lines] = answer.lines.filter((line) => line !== '');
    return {
      requestHead: request.lines.filter((line) => line !== ''),
      requestBody: bodyBehind(request).text,
      status: Number(first.split(' ')[1]),
      headers: lines.map(fieldOf),
      body: bodyBehind(answer).text,
      bodyBytes: bodyBehind(answer).bytes,
    };
  });
  const streams = of('C>S', /^HEADERS/u).map(({ what }): RecordedStream => {
    const [, id = ''] = /stream=(\d+)/u.exec(what) ?? [];
    const request = fieldsOf(what);
    const answer = fieldsOf(of('S>C', new RegExp(`^HEADERS stream=${id} `, 'u'))[0]?.what ?? '');
    const data = of('S>C', new RegExp(`^DATA stream=${id} END_STREAM`, 'u'))[0]?.what ?? '';
    const [, totalBytes = '', first16 = ''] = /total=(\d+) .* first16=([0-9a-f]*)/u.exec(data) ?? [];
    const sent = of('C>S', new RegExp(`^DATA stream=${id} END_STREAM`, 'u'))[0]?.what ?? '';
    return {
      request: {
        fields: request,
        bodyBytes: Number(/ total=(\d+) /u.exec(sent)?.[1] ?? 0),
        bodyFirst16: / first16=([0-9a-f]*)/u.exec(sent)?.[1] ?? '',
        bodyText: / body=(.*)$/u.exec(sent)?.[1] ?? '',
      },
      path: request.find(([name]) => name === ':path')?.[1] ?? '',
      headers: answer,
      totalBytes: Number(totalBytes),
      first16,
    };
  });
  const clientFrames = of('C>S', /^(?:HTTP\/2 preface|[A-Z_]+ )/u)
    .filter(({ what }) => !what.startsWith('EOF'))
    .map(({ what }) => what);
  return { exchanges, streams, clientFrames };
}
