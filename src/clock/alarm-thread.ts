import { readlinkSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { workerData } from 'node:worker_threads';

import { alarmSignal, viewAlarmMemory } from './alarm-memory.ts';
import { monotonicNow } from './monotonic.ts';

/**
 * Linux lets a sleeping thread oversleep by its timer slack, 50 microseconds by default (prctl(2), PR_SET_TIMERSLACK);
 * a thread may lower its own through /proc (proc(5), /proc/pid/timerslack_ns). Elsewhere the alarm is as late as it is.
 */
function lowerTimerSlack(): void {
  try {
    writeFileSync(`/proc/${basename(readlinkSync('/proc/thread-self'))}/timerslack_ns`, '1');
  } catch {
    return;
  }
}

/** A wake-up from Atomics.wait that was later than this says nothing about the next one: the core was taken. */
const OUTLIER_MS = 0.4;

/** Share of an early wake-up that lateness is learned by, and of a late one: settles at the quantile 1/4. */
const EARLY_STEP_MS = 0.003;
const LATE_STEP_MS = 0.001;

/** The first so many wake-ups move it further, the n-th by this number over n: it is near its place after a few. */
const LEARNING_WAKES = 30;

lowerTimerSlack();
const { signals, deadline } = viewAlarmMemory(workerData as SharedArrayBuffer);

// How much earlier to wake than asked, so that what the kernel needs to wake a thread (about 50 microseconds on a
// virtual machine) is over at the deadline. Learned from each wake-up; what is left until the deadline is spun away.
let leadMs = 0;
let wakes = 0;
let answered = 0;
for (;;) {
  const request = Atomics.load(signals, alarmSignal.request);
  const dueMs = deadline[0] ?? Infinity;
  const waitMs = request === answered ? Infinity : dueMs - leadMs - monotonicNow();
  if (waitMs > 0) {
    if (Atomics.wait(signals, alarmSignal.request, request, waitMs) !== 'timed-out') continue;
    const earlyMs = dueMs - monotonicNow();
    wakes += 1;
    const weight = Math.max(1, LEARNING_WAKES / wakes);
    if (earlyMs > 0) leadMs = Math.max(0, leadMs - EARLY_STEP_MS * weight);
    else if (earlyMs > -OUTLIER_MS) leadMs = Math.min(OUTLIER_MS, leadMs + LATE_STEP_MS * weight);
  }
  while (monotonicNow() < dueMs && Atomics.load(signals, alarmSignal.request) === request);
  if (monotonicNow() < dueMs) continue;
  answered = request;
  Atomics.add(signals, alarmSignal.rung, 1);
  Atomics.notify(signals, alarmSignal.rung);
}
