/** Quantities as people read them. */

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Returns a count with its thousands apart: `12,345`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Returns a count with what is counted, in the singular or the plural: `1 batch`, `12,345 batches`. */
export function formatCounted(count: number, one: string, several: string = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : several}`;
}

/** Returns bytes as MiB with one decimal: `12.3 MiB`. */
export function formatMebibytes(bytes: number): string {
  return `${(bytes / 1048576).toFixed(1)} MiB`;
}

/** Returns bytes in the unit that fits them: `512 B`, `64 KiB`, `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes, unit = 0;
  // What would be rounded up to 1024 is one of the next unit.
  for (; value >= 1023.5 && unit < byteUnits.length - 1; unit++) value /= 1024;
  const isWhole = value >= 99.95 || Number.isInteger(value);
  return `${isWhole ? Math.round(value) : value.toFixed(1)} ${byteUnits[unit]}`;
}

/** Returns a rate as MiB/s with one decimal. */
export function formatRate(bytes: number, milliseconds: number): string {
  return `${formatMebibytes(milliseconds > 0 ? (bytes / milliseconds) * 1000 : 0)}/s`;
}

/** Returns a time in ms: `0.012 ms`, `12.3 ms`. */
export function formatMilliseconds(milliseconds: number): string {
  return `${milliseconds < 0.995 ? milliseconds.toFixed(3) : milliseconds.toFixed(1)} ms`;
}

/** Returns a duration as `m:ss`, or `h:mm:ss` from an hour on. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const pair = (number: number) => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${pair(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${pair(minutes % 60)}:${pair(seconds % 60)}`;
}

/** Says in one line how far a work has come: what was done, bytes, their rate, the time it took. */
export function formatWork(done: readonly string[], bytes: number, milliseconds: number): string {
  const rate = formatRate(bytes, milliseconds);
  return [...done, formatMebibytes(bytes), rate, formatDuration(milliseconds)].join("  ");
}
