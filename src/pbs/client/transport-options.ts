import type { TransportSettings } from '../../model/environment.ts';
import { transports } from '../transport/transports.ts';
import type { ReaderOptions } from './reader-session.ts';

/** What a session is told to speak, from what a scenario says of it. */
export function transportOptions({
  name,
  streamWindowBytes,
  connectionWindowBytes,
  maxFrameBytes,
  updateThreshold,
  tlsCipher,
}: TransportSettings): Pick<ReaderOptions, 'transport' | 'settings' | 'tlsCipher'> {
  return {
    transport: transports[name].client,
    settings: {
      initialWindowSize: streamWindowBytes,
      connectionWindowSize: connectionWindowBytes,
      maxFrameSize: maxFrameBytes,
      ...(updateThreshold === undefined ? {} : { updateThreshold }),
    },
    ...(tlsCipher === undefined ? {} : { tlsCipher }),
  };
}
