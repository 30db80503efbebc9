/** A fingerprint as PBS shows those of keys and certificates, `0e:ab:d4:...`, from hex digits in either case, with colons or not. */
export function formatFingerprint(hex: string): string {
  const digits = hex.toLowerCase().replaceAll(':', '');
  return digits.match(/../gu)?.join(':') ?? digits;
}
