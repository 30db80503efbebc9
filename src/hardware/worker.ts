import { once } from 'node:events';
import { parentPort, Worker, workerData, type MessagePort } from 'node:worker_threads';

import { monotonicNow } from '../clock/monotonic.ts';
import { benchRound } from './bench-round.ts';
import type { EchoThread, ReadyPrimitive } from './primitive.ts';
import type { PrimitiveName } from './primitive-names.ts';
import { primitives } from './primitives.ts';
import type { ThreadAnswer, ThreadRequest, ThreadRole } from './thread-messages.ts';

/** One measuring thread: keeps each primitive ready once it was asked for, and runs its rounds. */
function serveRounds(port: MessagePort, role: Extract<ThreadRole, { kind: 'measure' }>): void {
  const opened: Map<PrimitiveName, Promise<ReadyPrimitive>> = new Map();

  const ready = async (name: PrimitiveName): Promise<ReadyPrimitive> => {
    const earlier = opened.get(name);
    if (earlier !== undefined) return await earlier;
    const opening = Promise.try(() => primitives[name].open({ ...role, startEcho }));
    opened.set(name, opening);
    return await opening;
  };

  const answer = async (request: ThreadRequest): Promise<ThreadAnswer> => {
    const work = await ready(request.name);
    const durationMs = request.kind === 'prepare' ? request.warmUpMs : request.durationMs;
    await work.begin?.();
    const round = await benchRound(work, { durationMs, now: monotonicNow });
    await work.end?.();
    if (round.error !== undefined) throw round.error;
    if (request.kind === 'prepare') return { kind: 'ready' };
    const { startedMs, endedMs, callMs } = round;
    const { unitsPerCall } = primitives[request.name];
    return { kind: 'measured', units: callMs.length * unitsPerCall, startedMs, endedMs };
  };

  port.on('message', (request: ThreadRequest) => {
    answer(request).then(
      (result) => port.postMessage(result),
      (error: unknown) =>
        port.postMessage({ kind: 'failed', message: error instanceof Error ? error.message : String(error) }),
    );
  });
}

/** Another thread of this same module that sends every message back. */
function startEcho(): EchoThread {
  const role: ThreadRole = { kind: 'echo' };
  const worker = new Worker(new URL(import.meta.url), { workerData: role });
  return {
    roundTrip: async () => {
      const back = once(worker, 'message');
      worker.postMessage(0);
      await back;
    },
    end: async () => void (await worker.terminate()),
  };
}

if (parentPort !== null) {
  const port = parentPort;
  const role = workerData as ThreadRole;
  if (role.kind === 'echo') port.on('message', (message) => port.postMessage(message));
  else serveRounds(port, role);
}
