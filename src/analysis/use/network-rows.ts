import { metric, metricValue, unavailable, type Metric, type UseRow } from '../../model/metric.ts';
import { formatRate } from '../../model/units.ts';
import { mean } from '../../stats/mean.ts';
import type { SampledWindows } from './sampled-windows.ts';
import { asShare, type UseContext } from './use-context.ts';

/** What listens on each of the sampled ports, in their order; again for every further process of the server. */
const listeners = ['server', 'link'] as const;

/** Interfaces, TCP as a whole, and the connections of the run. */
export function networkRows({ samples, settings }: UseContext): readonly UseRow[] {
  if ('unavailable' in samples) {
    const reason = unavailable(samples.unavailable);
    return ['interfaces', 'tcp', 'connections'].map((resource) => ({
      resource,
      utilization: reason,
      saturation: reason,
      errors: reason,
    }));
  }
  const connections = settings.server.kind === 'pbs' ? [remoteConnections] : connectionRows(samples);
  return [...interfaceRows(samples), tcpRow(samples), ...connections];
}

const AT_THE_SENDER = unavailable('not measured: they send on another machine');

const remoteConnections: UseRow = {
  resource: 'connections',
  utilization: AT_THE_SENDER,
  saturation: AT_THE_SENDER,
  errors: AT_THE_SENDER,
};

function interfaceRows(windows: SampledWindows): readonly UseRow[] {
  const names = windows.columnNames.flatMap((name) => /^interface\.(.+)\.receiveBytes$/u.exec(name)?.[1] ?? []);
  return names.map((name) => {
    const column = (detail: string): string => `interface.${name}.${detail}`;
    const [receive, send] = ['receiveBytes', 'sendBytes'].map((detail) => metricValue(windows.rate(column(detail))));
    const speed = mean(windows.levels(column('speedBytesPerSecond')));
    const isMeasured = receive !== undefined && send !== undefined;
    const rates = isMeasured ? `; ${formatRate(receive * 1000)} in and ${formatRate(send * 1000)} out here` : '';
    return {
      resource: `interface ${name}`,
      utilization:
        speed === undefined || !isMeasured
          ? windows.reason(column(isMeasured ? 'speedBytesPerSecond' : 'receiveBytes'))
          : asShare(metric((Math.max(receive, send) * 1000) / speed)),
      saturation: sumOf(windows, [column('receiveDrops'), column('sendDrops')]),
      saturationUnit: 'packets dropped',
      errors: sumOf(windows, [column('receiveErrors'), column('sendErrors')]),
      method: `/proc/net/dev: the busier direction over the negotiated speed${rates}`,
    };
  });
}

function tcpRow(windows: SampledWindows): UseRow {
  const sent = metricValue(windows.count('tcp.segmentsOut'));
  const repeated = windows.count('tcp.retransmits');
  return {
    resource: 'tcp',
    utilization: unavailable('unsupported: TCP as a whole has no capacity to be a share of'),
    saturation: sent === undefined || !('value' in repeated) ? repeated : metric(sent > 0 ? repeated.value / sent : 0),
    saturationUnit: 'share of segments that were sent again',
    errors: sumOf(windows, ['tcp.receiveErrors', 'tcp.listenDrops']),
    method:
      '/proc/net/snmp and netstat: errors are bad segments and connections dropped by a full listener, in the whole network namespace',
  };
}

function connectionRows(windows: SampledWindows): readonly UseRow[] {
  const ports = windows.columnNames.flatMap((name) => /^connections\.(\d+)\.busyMs$/u.exec(name)?.[1] ?? []);
  if (ports.length === 0) {
    const reason = windows.reason('connections');
    return [{ resource: 'connections', utilization: reason, saturation: reason, errors: reason }];
  }
  return ports.map((port, index) => {
    const column = (detail: string): string => `connections.${port}.${detail}`;
    const busy = windows.growth(column('busyMs'));
    const count = mean(windows.levels(column('count')));
    const limited = sumOf(windows, [column('rwndLimitedMs'), column('sndbufLimitedMs')]);
    return {
      resource: `${listenerName(index)} connections`,
      utilization:
        busy === undefined || count === undefined || count === 0
          ? windows.reason(column('busyMs'))
          : asShare(metric(busy.amount / (busy.elapsedMs * count))),
      saturation:
        busy === undefined || !('value' in limited)
          ? windows.reason(column('busyMs'))
          : asShare(metric(busy.amount > 0 ? limited.value / busy.amount : 0)),
      saturationUnit: "share of busy time in which the receiver's window or the send buffer was full",
      errors: windows.count(column('retransmits')),
      method:
        'ss once a second, at the end that sends restored bytes: time with something to send over time of the connections; errors are segments sent again',
    };
  });
}

function listenerName(index: number): string {
  const process = Math.floor(index / listeners.length);
  return `${listeners[index % listeners.length]}${process === 0 ? '' : ` ${process + 1}`}`;
}

function sumOf(windows: SampledWindows, columns: readonly string[]): Metric {
  let total = 0;
  for (const column of columns) {
    const part = windows.count(column);
    if (!('value' in part)) return part;
    total += part.value;
  }
  return metric(total);
}
