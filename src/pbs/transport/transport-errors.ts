import { ServerError } from '../../model/errors.ts';

/** The answer has more bytes than were announced, asked for, or are sensible. */
export function responseTooLong(what: string, maxBytes: number): ServerError {
  return new ServerError(`the server's answer to ${what} is longer than ${maxBytes} bytes`, {
    code: 'response-too-long',
    hint: 'is this a Proxmox Backup Server, and the data what it should be?',
  });
}

/** The body does not have the length that was announced for it. */
export function responseTruncated(what: string, announced: number, arrived: number, cause?: unknown): ServerError {
  return new ServerError(
    `the server's answer to ${what} is not as long as it said: ${announced} bytes announced, ${arrived} arrived`,
    { code: 'response-truncated', hint: 'check the log of the server, and any proxy in between', cause },
  );
}

/** @param reason of HTTP/2, e.g. `REFUSED_STREAM` */
export function streamReset(what: string, reason: string, cause?: unknown): ServerError {
  return new ServerError(`the server broke off its answer to ${what} (HTTP/2 error ${reason})`, {
    code: 'stream-reset',
    hint: 'check the log of the server',
    cause,
  });
}

export function connectionLost(reason: string, cause?: unknown): ServerError {
  return new ServerError(`the connection to the server was lost: ${reason}`, {
    code: 'connection-lost',
    hint: 'check the log of the server, and the network in between',
    cause,
  });
}

/** The answer breaks the rules of HTTP. */
export function responseMalformed(what: string, reason: string, cause?: unknown): ServerError {
  return new ServerError(`the server's answer to ${what} cannot be read: ${reason}`, {
    code: 'response-malformed',
    hint: 'is this a Proxmox Backup Server?',
    cause,
  });
}
