import { KiB } from '../../model/units.ts';

/** How long a server is waited for. */
export interface ServerTimeouts {
  /** TCP and TLS handshake; default 10 s, as PBS's own client. */
  readonly connectMs?: number;
  /** From an HTTP/1.1 request to its answer; default 120 s, as PBS's own client. */
  readonly answerMs?: number;
  /** Within which `stallBytes` must arrive, or a request be done, while requests wait; default 120 s. */
  readonly stallMs?: number;
  /** Bytes of the connection, TLS and HTTP/2 included; default 16 KiB: no line is so slow in 120 s. */
  readonly stallBytes?: number;
}

export const defaultTimeouts: Required<ServerTimeouts> = {
  connectMs: 10_000,
  answerMs: 120_000,
  stallMs: 120_000,
  stallBytes: 16 * KiB,
};
