import { ServerError } from '../../model/errors.ts';

/** The oldest major version that the tool is made for. */
const OLDEST_MAJOR = 3;

export interface ServerVersion {
  readonly major: number;
  /** `4.2.3` */
  readonly text: string;
}

/**
 * What `GET /version` answers (spec 2.6).
 * @throws ServerError `response-malformed`
 */
export function parseServerVersion(data: unknown): ServerVersion {
  const { version, release } = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>;
  const major = typeof version === 'string' ? /^(\d{1,4})(?:\.\d+)*$/u.exec(version)?.[1] : undefined;
  if (major === undefined) {
    throw new ServerError('the server does not say of which version it is', {
      code: 'response-malformed',
      hint: 'is this a Proxmox Backup Server?',
    });
  }
  const patch = typeof release === 'string' && /^[\w.-]{1,32}$/u.test(release) ? `.${release}` : '';
  return { major: Number(major), text: `${String(version)}${patch}` };
}

/** @throws ServerError `server-too-old` */
export function requireSupported({ major, text }: ServerVersion, place: string): void {
  if (major >= OLDEST_MAJOR) return;
  throw new ServerError(`${place} runs Proxmox Backup Server ${text}, which is too old`, {
    code: 'server-too-old',
    hint: `Proxmox Backup Server ${OLDEST_MAJOR} or newer is needed: upgrade the server`,
  });
}
