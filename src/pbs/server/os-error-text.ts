import { getSystemErrorMessage } from 'node:util';

/** Where the words of libuv are not those of the C library, which PBS prints. */
const libraryTexts: Readonly<Record<string, string>> = {
  EIO: 'Input/output error',
  EISDIR: 'Is a directory',
  ELOOP: 'Too many levels of symbolic links',
};

/** `No such file or directory (os error 2)`: a system error as PBS words it; the message of any other error. */
export function osErrorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { errno, code = '' } = error as NodeJS.ErrnoException;
  if (errno === undefined) return error.message;
  const text = libraryTexts[code] ?? getSystemErrorMessage(errno);
  return `${text.charAt(0).toUpperCase()}${text.slice(1)} (os error ${-errno})`;
}
