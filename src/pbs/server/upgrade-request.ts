import type { Clock } from '../../model/ports.ts';
import type { Caller } from './access/access.ts';
import type { PublicRequest } from './public-request.ts';
import { Refusal } from './refusal.ts';
import type { RestServer } from './rest/rest-call.ts';

/** A request that wants its connection to become a session. */
export interface UpgradeRequest {
  readonly request: PublicRequest;
  readonly query: string;
  readonly caller: Caller;
  readonly server: RestServer;
  readonly clock: Clock;
  /** How long a 401 is kept back. */
  readonly penaltyMs: number;
}

/**
 * Checks that a request asks for exactly this protocol, letter case included.
 * @throws Refusal 400
 */
export function requireProtocol({ headers, canUpgrade }: PublicRequest, expected: string): void {
  const protocol = headers['upgrade'];
  if (protocol === undefined) throw new Refusal(400, 'missing Upgrade header');
  if (protocol !== expected || !canUpgrade) throw new Refusal(400, 'invalid protocol name');
}
