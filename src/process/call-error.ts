import { KnownError, systemErrorCode, type ErrorDetails, type ExitCode } from '../model/errors.ts';

/** An error as it crosses a channel, where its class does not; with an exit code it was a KnownError. */
export interface CallError {
  readonly message: string;
  readonly code?: string;
  readonly exitCode?: ExitCode;
  readonly hint?: string;
}

/** A KnownError of another process. */
class ServiceError extends KnownError {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode, details: ErrorDetails) {
    super(message, details);
    this.exitCode = exitCode;
  }
}

/** What the other process can make an error of again. */
export function toCallError(error: unknown): CallError {
  if (error instanceof KnownError) {
    const { message, code, exitCode, hint } = error;
    return { message, code, exitCode, ...(hint === undefined ? {} : { hint }) };
  }
  const code = systemErrorCode(error);
  return {
    message: error instanceof Error ? error.message : String(error),
    ...(code === undefined ? {} : { code }),
  };
}

export function fromCallError({ message, code = 'internal', exitCode, hint }: CallError): Error {
  if (exitCode === undefined) return Object.assign(new Error(message), { code });
  return new ServiceError(message, exitCode, { code, ...(hint === undefined ? {} : { hint }) });
}
