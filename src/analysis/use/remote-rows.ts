import { metric, unavailable, type UseRow } from '../../model/metric.ts';
import { WIRE_UNSEEN } from '../measured-trials.ts';
import { routeSpeed } from '../route-speed.ts';
import { asShare, overTrials, type UseContext } from './use-context.ts';

const ELSEWHERE = unavailable('not measured: the server is another machine');
const UNSEEN = unavailable('unsupported: what waits or fails in a network is not seen from its end');

/** What is beyond this machine in a run against a real server: hardly anything of it can be known from here. */
export function remoteRows({ trials, settings, serverFacts }: UseContext): readonly UseRow[] {
  const speed = routeSpeed({ settings, ...(serverFacts === undefined ? {} : { server: serverFacts }) });
  const utilization =
    'value' in speed
      ? overTrials(
          trials,
          ({ wireBytes }) =>
            wireBytes === undefined ? unavailable(WIRE_UNSEEN) : metric((wireBytes * 1000) / speed.value),
          ({ durationMs }) => durationMs,
        )
      : speed;
  const name = serverFacts?.route.interface;
  return [
    {
      resource: 'link to the server',
      utilization: asShare(utilization),
      saturation: UNSEEN,
      errors: UNSEEN,
      method: `bytes received over the speed of ${name === undefined ? "this end's interface" : `interface ${name}`}; the path beyond it may be slower`,
    },
    { resource: 'storage of the server', utilization: ELSEWHERE, saturation: ELSEWHERE, errors: ELSEWHERE },
  ];
}
