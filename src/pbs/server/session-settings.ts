import type { Http2Settings } from '../transport/transport.ts';

/** What a real server announces in reader and backup sessions (spec 3.3, observed viii). */
export const sessionSettings: Http2Settings = {
  maxConcurrentStreams: 200,
  initialWindowSize: 33_554_432,
  connectionWindowSize: 33_554_432,
  maxFrameSize: 4_194_304,
  maxHeaderListSize: 16_384,
};
