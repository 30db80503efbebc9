/** One TCP connection as `ss -tin` describes it, seen from one of its ends. */
export interface SocketFacts {
  /** Local and remote address and port as printed. */
  readonly key: string;
  readonly localPort: number;
  readonly remotePort: number;
  /** Bytes that the program has not read yet. */
  readonly receiveQueueBytes: number;
  /** Bytes that the other end has not acknowledged yet. */
  readonly sendQueueBytes: number;
  readonly roundTripMs?: number;
  readonly cwndSegments?: number;
  /** Time for which there was something to send; `ss` leaves out counters that are 0. */
  readonly busyMs: number;
  /** Part of it for which the other end's window, or this end's send buffer, was what stopped it. */
  readonly rwndLimitedMs: number;
  readonly sndbufLimitedMs: number;
  /** Segments sent again since the connection was opened. */
  readonly retransmits: number;
}

const socketLine = /^(?:[A-Z][\w-]* +)?(\d+) +(\d+) +(\S+):(\d+) +(\S+):(\d+)/u;

/**
 * Reads the output of `ss -tinH`, with or without a state column: a line per socket, and an indented one with what the
 * kernel knows of it. Lines of another form are passed over, as `ss` adds to them from release to release.
 */
export function parseSocketList(text: string): readonly SocketFacts[] {
  const sockets: SocketFacts[] = [];
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    const match = socketLine.exec(line);
    if (match === null) continue;
    const [, receiveQueue, sendQueue, localAddress, localPort, remoteAddress, remotePort] = match;
    const next = lines[index + 1] ?? '';
    // With `-O`, and in some releases without, details stand on the same line.
    const details = /^\s/u.test(next) ? next : line;
    const roundTrip = figure(details, / rtt:([\d.]+)/u);
    const cwnd = figure(details, / cwnd:(\d+)/u);
    sockets.push({
      key: `${localAddress}:${localPort} ${remoteAddress}:${remotePort}`,
      localPort: Number(localPort),
      remotePort: Number(remotePort),
      receiveQueueBytes: Number(receiveQueue),
      sendQueueBytes: Number(sendQueue),
      ...(roundTrip === undefined ? {} : { roundTripMs: roundTrip }),
      ...(cwnd === undefined ? {} : { cwndSegments: cwnd }),
      busyMs: figure(details, / busy:(\d+)ms/u) ?? 0,
      rwndLimitedMs: figure(details, / rwnd_limited:(\d+)ms/u) ?? 0,
      sndbufLimitedMs: figure(details, / sndbuf_limited:(\d+)ms/u) ?? 0,
      retransmits: figure(details, / retrans:\d+\/(\d+)/u) ?? 0,
    });
  }
  return sockets;
}

function figure(text: string, pattern: RegExp): number | undefined {
  const match = pattern.exec(text)?.[1];
  return match === undefined ? undefined : Number(match);
}
