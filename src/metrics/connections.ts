import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

import type { SampleColumn } from '../model/records.ts';
import {
  absentResource,
  counter,
  gauge,
  SlowTurn,
  type ResourceSampler,
  type SampleSources,
  type SampleValues,
} from './resource-sampler.ts';
import { parseSocketList, type SocketFacts } from './socket-list.ts';
import { SurvivingSum } from './surviving-sum.ts';

/** Of iproute2. */
const program = 'ss';

/** On a line of its own after each answer. */
const END_OF_ANSWER = '.\n';

/** An answer of some hundred connections is 100 kB; one that grows beyond this is not what we asked for. */
const MAXIMUM_ANSWER_CHARACTERS = 4 * 1024 * 1024;

const counters = ['busyMs', 'rwndLimitedMs', 'sndbufLimitedMs', 'retransmits'] as const;
const gauges = ['count', 'roundTripMs', 'cwndSegments', 'sendQueueBytes', 'receiveQueueBytes'] as const;

/**
 * What the kernel knows of the connections of each port, about once a second; null in the rows between. Counters,
 * round trip, congestion window and send queue are those of the end that listens on the port, from which restored bytes
 * come; the receive queue is that of the other end, where that is on this machine too.
 */
export function openConnectionSampler(sources: SampleSources, ports: readonly number[]): ResourceSampler {
  if (ports.length === 0) return absentResource('connections', 'not sampled: no ports were given');
  if (sources.platform !== 'linux') return absentResource('connections', `unsupported: ${sources.platform} has no ss`);
  const trial = spawnSync(program, socketArguments(ports), { stdio: ['ignore', 'ignore', 'ignore'] });
  if (trial.error !== undefined) return absentResource('connections', 'not installed: ss');
  if (trial.status !== 0) return absentResource('connections', 'unsupported: ss does not know the options used here');
  return new ConnectionSampler(ports, sources.now);
}

const socketArguments = (ports: readonly number[]): string[] => [
  '-tinH',
  'state',
  'established',
  `( ${ports.map((port) => `sport = :${port} or dport = :${port}`).join(' or ')} )`,
];

class ConnectionSampler implements ResourceSampler {
  readonly columns: readonly SampleColumn[];
  readonly unavailable: Readonly<Record<string, string>> = {};
  readonly #ports: readonly number[];
  readonly #turn: SlowTurn;
  readonly #totals: readonly SurvivingSum<string>[];
  readonly #shell: ChildProcessByStdio<Writable, Readable, null>;
  #isAnswering = false;
  #answer = '';
  #sockets: readonly SocketFacts[] | undefined;

  constructor(ports: readonly number[], now: () => number) {
    this.#ports = ports;
    this.#turn = new SlowTurn(now);
    this.#totals = ports.map(() => new SurvivingSum(counters.length));
    this.columns = ports.flatMap((port) => [
      ...counters.map((detail) => counter(`connections.${port}.${detail}`)),
      ...gauges.map((detail) => gauge(`connections.${port}.${detail}`)),
    ]);
    // A small shell that starts `ss` whenever a line arrives: 2.3 ms of CPU per answer, against 7.6 ms when this process
    // forks, which has to copy the page tables of a whole Node (measured over 100 calls). It ends when its input does.
    const script = `while read -r _; do ${program} "$@"; echo .; done`;
    this.#shell = spawn('/bin/sh', ['-c', script, 'sh', ...socketArguments(ports)], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#shell.on('error', () => {});
    this.#shell.stdin.on('error', () => {});
    this.#shell.stdout.setEncoding('latin1').on('data', (text: string) => this.#receive(text));
  }

  sample(values: SampleValues, first: number): void {
    if (this.#sockets !== undefined) this.#fill(this.#sockets, values, first);
    this.#sockets = undefined;
    // `ss` is a process of its own each time, by far the dearest reading.
    if (this.#turn.take()) this.#ask();
  }

  [Symbol.dispose](): void {
    this.#shell.stdin.end();
    this.#shell.stdout.destroy();
    this.#shell.unref();
  }

  #ask(): void {
    if (this.#isAnswering || this.#shell.stdin.destroyed) return;
    this.#isAnswering = true;
    this.#shell.stdin.write('\n');
  }

  #receive(text: string): void {
    this.#answer += text;
    const isComplete = this.#answer.endsWith(`\n${END_OF_ANSWER}`) || this.#answer === END_OF_ANSWER;
    if (!isComplete && this.#answer.length < MAXIMUM_ANSWER_CHARACTERS) return;
    this.#sockets = isComplete ? parseSocketList(this.#answer) : undefined;
    this.#answer = '';
    this.#isAnswering = false;
  }

  #fill(sockets: readonly SocketFacts[], values: SampleValues, first: number): void {
    for (const [index, port] of this.#ports.entries()) {
      const senders = sockets.filter(({ localPort }) => localPort === port);
      const receivers = sockets.filter(({ remotePort }) => remotePort === port);
      const sums = this.#totals[index]?.add(
        senders.map((socket) => [socket.key, counters.map((detail) => socket[detail])] as const),
      );
      const figures = [
        ...(sums ?? []),
        senders.length,
        mean(senders.map(({ roundTripMs }) => roundTripMs)),
        mean(senders.map(({ cwndSegments }) => cwndSegments)),
        sum(senders.map(({ sendQueueBytes }) => sendQueueBytes)),
        receivers.length === 0 ? null : sum(receivers.map(({ receiveQueueBytes }) => receiveQueueBytes)),
      ];
      const at = first + index * (counters.length + gauges.length);
      for (const [offset, figure] of figures.entries()) values[at + offset] = figure;
    }
  }
}

const sum = (figures: readonly number[]): number => figures.reduce((total, figure) => total + figure, 0);

function mean(figures: readonly (number | undefined)[]): number | null {
  const known = figures.filter((figure) => figure !== undefined);
  return known.length === 0 ? null : sum(known) / known.length;
}
