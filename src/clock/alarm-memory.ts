/** What an {@link Alarm} and its thread share. */
export interface AlarmMemory {
  /** At `request`: grows with every deadline set; the thread waits on it. At `rung`: grows with every ring. */
  readonly signals: Int32Array<SharedArrayBuffer>;
  /** At 0: the deadline in milliseconds of CLOCK_MONOTONIC. */
  readonly deadline: Float64Array<SharedArrayBuffer>;
}

export const alarmSignal = { request: 0, rung: 1 } as const;

export const ALARM_MEMORY_BYTES = 16;

export function viewAlarmMemory(shared: SharedArrayBuffer): AlarmMemory {
  return { signals: new Int32Array(shared, 0, 2), deadline: new Float64Array(shared, 8, 1) };
}
