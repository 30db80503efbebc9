/** What an {@link Alarm} and its thread share. */
export interface AlarmMemory {
  /** At `request`: grows with every deadline set; the thread waits on it. At `rung`: grows with every ring. */
  readonly signals: Int32Array<SharedArrayBuffer>;
  /** Milliseconds of CLOCK_MONOTONIC. At `deadline`: what the thread waits for. At `rang`: when it last rang. */
  readonly times: Float64Array<SharedArrayBuffer>;
}

export const alarmSignal = { request: 0, rung: 1 } as const;

export const alarmTime = { deadline: 0, rang: 1 } as const;

export const ALARM_MEMORY_BYTES = 24;

export function viewAlarmMemory(shared: SharedArrayBuffer): AlarmMemory {
  return { signals: new Int32Array(shared, 0, 2), times: new Float64Array(shared, 8, 2) };
}
