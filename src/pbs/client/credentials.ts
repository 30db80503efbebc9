import type { Secret } from '../../model/secret.ts';

/** Who asks, and with what proof. */
export interface Credentials {
  /** A user, `root@pam`, or an API token, `bench@pbs!t1`. */
  readonly authId: string;
  /** The password, or the secret of the token. */
  readonly secret: Secret;
}
