import type { Primitive } from './primitive.ts';

/** Enough for a call to take some milliseconds, as a chunk does. */
const TURNS_PER_CALL = 500;
const ROUND_TRIPS_PER_CALL = 50;

export const eventLoopTurn: Primitive = {
  what: 'turn of the event loop (setImmediate)',
  unit: 'operations',
  unitsPerCall: TURNS_PER_CALL,
  open: () => ({
    isAsync: true,
    run: async () => {
      for (let turn = 0; turn < TURNS_PER_CALL; turn += 1) {
        await new Promise<void>((resolve) => {
          setImmediate(resolve);
        });
      }
    },
  }),
};

export const threadRoundTrip: Primitive = {
  what: 'message to a thread and back',
  unit: 'operations',
  unitsPerCall: ROUND_TRIPS_PER_CALL,
  open({ startEcho }) {
    const echo = startEcho();
    return {
      isAsync: true,
      run: async () => {
        for (let trip = 0; trip < ROUND_TRIPS_PER_CALL; trip += 1) await echo.roundTrip();
      },
      close: async () => await echo.end(),
    };
  },
};
