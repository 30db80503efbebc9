import { Refusal } from './refusal.ts';

/**
 * The parts of a path; real clients send `//api2/json/reader`, so that empty parts are dropped (observed, 1).
 * @throws Refusal 400 for a part that begins with a dot
 */
export function pathParts(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '');
  if (parts.some((part) => part.startsWith('.'))) throw new Refusal(400, 'Path contains illegal components.');
  return parts;
}
