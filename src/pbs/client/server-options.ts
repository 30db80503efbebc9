import type { Clock } from '../../model/ports.ts';
import type { Credentials } from './credentials.ts';
import type { ServerTimeouts } from './server-timeouts.ts';

/** A server, and how to get in. */
export interface ServerOptions {
  /** Name or address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /**
   * SHA-256 over the server's DER certificate, hex pairs. Nothing is sent to a server that has another. Without it, an
   * authority that this system trusts must vouch for the certificate.
   */
  readonly fingerprint?: string;
  readonly credentials: Credentials;
  readonly clock: Clock;
  /** Breaks off connecting; what is open is ended by disposing it. */
  readonly signal: AbortSignal;
  readonly timeouts?: ServerTimeouts;
}
