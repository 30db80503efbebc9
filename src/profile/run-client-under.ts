import type { RunObserver } from '../harness/run-observer.ts';
import type { RunOptions } from '../harness/run-scenario.ts';
import { InterruptedError } from '../model/errors.ts';
import { fromCallError } from '../process/call-error.ts';
import type { Launcher } from '../process/launch-through.ts';
import { entryUrl, ServiceProcess } from '../process/service-process.ts';
import { ensureDatastore } from '../workload/ensure-datastore.ts';
import type { ProfiledClientCalls, ProfiledRunEvent, ProfiledRunResult } from './client-calls.ts';

const clientEntry = entryUrl('main', import.meta.url);

/** How a run ended in a process of its own. */
export interface ClientOutcome extends Omit<ProfiledRunResult, 'error'> {
  readonly error?: unknown;
}

/**
 * Runs a scenario in a process that `launch` starts; the processes of its lab are children of that one. Resolves when
 * the program that started it has ended as well. An interruption ends the run in order, so that what was collected
 * until then is there.
 */
export async function runClientUnder(
  launch: Launcher,
  directory: string,
  { scenario, plan, warnings = [], keys = new Map(), cache, certificateFolder, tool, observer, signal }: RunOptions,
): Promise<ClientOutcome> {
  using leases = new DisposableStack();
  // Made here, so that making them is not in the profile.
  for (const { server, image, history } of scenario.cases) {
    if (!('chunks' in server)) continue;
    const onProgress = ({ bytes, totalBytes }: { readonly bytes: number; readonly totalBytes: number }): void =>
      observer.preparing('generating the image', { doneBytes: bytes, totalBytes });
    leases.use(await ensureDatastore({ image, history, chunks: server.chunks, cache, signal, onProgress }));
  }
  observer.preparing('starting the profiler and the client');
  await using client = await ServiceProcess.start<ProfiledClientCalls>('profiled client', clientEntry, {
    launch,
    answerMs: Infinity,
    onEvent: (event) => handOn(event as ProfiledRunEvent, observer),
  });
  const interrupt = (): void => {
    const by = signal.reason instanceof InterruptedError ? signal.reason.signal : 'SIGTERM';
    // Where it is gone already, the call of `run` says so.
    client.call('interrupt', by).catch(() => {});
  };
  if (signal.aborted) interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    const { error, ...result } = await client.call('run', {
      scenario,
      plan,
      warnings,
      keys: Array.from(keys, ([path, crypt]): readonly [string, Uint8Array] => [path, crypt.copyKey()]),
      directory,
      cacheFolder: cache.folder,
      certificateFolder,
      tool,
    });
    observer.preparing('waiting for the profiler to convert what it collected');
    if (error === undefined) return result;
    return { ...result, error: signal.aborted ? signal.reason : fromCallError(error) };
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

function handOn(event: ProfiledRunEvent, observer: RunObserver): void {
  switch (event.kind) {
    case 'preparing':
      observer.preparing(event.what);
      break;
    case 'trial-started':
      observer.trialStarted(event.planned);
      break;
    case 'trial-progress':
      observer.trialProgress(event.planned, event.doneBytes, event.totalBytes);
      break;
    case 'trial-ended':
      observer.trialEnded(event.record);
      break;
    case 'warning':
      observer.warning(event.warning);
      break;
  }
}
