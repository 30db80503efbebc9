/** The user without rights on Linux. */
const NOBODY = 65_534;

/** Makes this process one that may not read what nobody may; undefined where root has no other user to be. */
export function readerWithoutRights(): (() => void) | undefined {
  if (process.getuid?.() !== 0) return () => {};
  const become = (): void => process.seteuid?.(NOBODY);
  try {
    become();
    process.seteuid?.(0);
    return become;
  } catch {
    return undefined;
  }
}
