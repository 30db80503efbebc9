/** Where people write secrets that do not belong into a scenario; each has the secret itself as its last group. */
const places: readonly RegExp[] = [
  // https://user:SECRET@host
  /(:\/\/[^\s/@:]*:)([^\s/@]+)(?=@)/gu,
  // user@realm:SECRET@host
  /(@[\w.-]+(?:![\w.-]+)?:)([^\s/@]+)(?=@)/gu,
  // password: SECRET
  /((?:password|passphrase|secret)\w{0,20}["']?\s*:\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,{}[\]]+)/giu,
];

/** The text with its secrets as stars, one for each character, so that what follows them stands where it stood. */
export function hideSecrets(text: string): string {
  return places.reduce(
    (rest, place) => rest.replace(place, (_, before: string, secret: string) => before + '*'.repeat(secret.length)),
    text,
  );
}
