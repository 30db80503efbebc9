export const KiB = 1024;
export const MiB: number = 1024 * KiB;
export const GiB: number = 1024 * MiB;
export const MB = 1_000_000;
export const GB = 1_000_000_000;

/** The chunk size of every fixed index that a PBS writes, in bytes. */
export const DEFAULT_CHUNK_SIZE: number = 4 * MiB;

/** Bytes in binary units, for sizes: `512 MiB`, `4.0 GiB`, `17 B`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= KiB && unit < units.length - 1) {
    value /= KiB;
    unit += 1;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}

/** Bytes per second in decimal units, for rates: `412 MB/s`, `1.21 GB/s`. */
export function formatRate(bytesPerSecond: number): string {
  if (bytesPerSecond >= GB) return `${(bytesPerSecond / GB).toFixed(2)} GB/s`;
  if (bytesPerSecond >= 100 * MB) return `${(bytesPerSecond / MB).toFixed(0)} MB/s`;
  if (bytesPerSecond >= MB) return `${(bytesPerSecond / MB).toFixed(1)} MB/s`;
  return `${(bytesPerSecond / 1000).toFixed(1)} kB/s`;
}

/** Milliseconds as a duration: `0.31 ms`, `42 ms`, `1.8 s`, `3 min 20 s`. */
export function formatDuration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${ms.toFixed(0)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** A share (0..1) as a percentage: `4.2 %`, `87 %`. */
export function formatShare(share: number): string {
  const percent = share * 100;
  return `${percent.toFixed(percent !== 0 && Math.abs(percent) < 10 ? 1 : 0)} %`;
}
