import type { ServerHandler } from '../transport/transport.ts';

/** What a connection is for once it has changed its protocol. */
export interface Session {
  readonly handle: ServerHandler;
  /** The connection is over: lets go of whatever the session holds. Never rejects. */
  end(): Promise<void>;
}

/** The connection may change its protocol. Whoever has this must see to it that the session is ended. */
export interface SessionGrant {
  readonly kind: 'session';
  /** The value of `Upgrade`. */
  readonly protocol: string;
  readonly session: Session;
}
