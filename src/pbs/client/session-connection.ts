import type { ServerError } from '../../model/errors.ts';
import type { ClientConnection, ClientRequest, ClientResponse } from '../transport/transport.ts';
import { USER_AGENT } from './log-in.ts';
import { StallWatch, type StallWatchOptions } from './stall-watch.ts';

export interface SessionRequest extends Omit<ClientRequest, 'headers'> {
  /** That of requests without body unless given. */
  readonly contentType?: string;
  /** Whether the server may take any time for its answer, and nothing arrive meanwhile. */
  readonly isUnwatched?: boolean;
}

/** What HTTP/2 requests of a session carry unless they say otherwise (spec 3.4). */
const DEFAULT_CONTENT_TYPE = 'application/x-www-form-urlencoded';

/** The HTTP/2 connection of a session: requests have the headers of real clients, and it is closed when they stall. */
export class SessionConnection implements AsyncDisposable {
  readonly http2: ClientConnection;
  readonly #watch: StallWatch;
  #stall: ServerError | undefined;

  constructor(http2: ClientConnection, watch: Omit<StallWatchOptions, 'onStall'>) {
    this.http2 = http2;
    this.#watch = new StallWatch({
      ...watch,
      onStall: (error) => {
        this.#stall = error;
        http2.close();
      },
    });
  }

  /** As `ClientConnection.request`; rejects with a ServerError `stalled` as well. */
  async request({
    contentType = DEFAULT_CONTENT_TYPE,
    isUnwatched = false,
    ...request
  }: SessionRequest): Promise<ClientResponse> {
    const headers = { 'user-agent': USER_AGENT, 'content-type': contentType };
    if (!isUnwatched) this.#watch.begin();
    try {
      return await this.http2.request({ ...request, headers });
    } catch (error) {
      throw request.signal.aborted ? error : (this.#stall ?? error);
    } finally {
      if (!isUnwatched) this.#watch.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.http2.close();
    await this.http2.closed;
  }
}
