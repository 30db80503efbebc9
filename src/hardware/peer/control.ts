import type { ServerCertificate } from '../../pbs/server/certificate.ts';

/** What the other end of a TLS connection does, and the first byte that asks for it. */
export const peerTasks = { send: 's', receive: 'r' } as const;
export type PeerTask = keyof typeof peerTasks;

export interface PeerSettings {
  readonly threads: number;
  readonly certificate: ServerCertificate;
}

/** Calls that the process at the other end of TLS answers. */
export interface PeerCalls {
  /** Opens a port on 127.0.0.1 in each of so many threads, and names them. */
  open(settings: PeerSettings): Promise<readonly number[]>;
}
