/** What one run of one work by one peer gave, and the figures that rows take from it. */

/** Latencies in microseconds. */
export interface Latency {
  /** The median. */
  p50: number;
  /** 99 % are below. */
  p99: number;
  /** 99.9 % are below. */
  p999: number;
  /** The largest. */
  max: number;
}

/** What one run gave. A part that a peer cannot tell is `undefined`. */
export interface Measurement {
  /** How long it took in seconds. */
  seconds: number;
  /** How many records, keys or commits. */
  operations: number;
  /** How many bytes of keys and values, or of plain bytes. */
  payloadBytes: number;
  /** Latencies of single operations in microseconds. */
  latency?: Latency | undefined;
  /** Latencies of the same operations in microseconds while nothing else went on, where that was measured too. */
  idle?: Latency | undefined;
  /** How late a timer of 1 ms fired, in microseconds, corrected for the timers that a stall left out. */
  loopDelay?: Latency | undefined;
  /** User and system time of the whole process in seconds. */
  cpuSeconds?: number | undefined;
  /** The largest resident set of the process in bytes. */
  peakBytes?: number | undefined;
  /** The part of the resident set that settings grant: buffers and caches, in bytes. */
  settingsBytes?: number | undefined;
  /** Bytes that the process caused to be written to disk. */
  writtenBytes?: number | undefined;
  /** How many bytes the files hold in the end by each byte of the records that can still be read as of now. */
  space?: number | undefined;
  /** The same by each byte of the records that can still be read at all, as of now or an LSN of the history that is kept. */
  spaceOfKept?: number | undefined;
  /** The resident set in bytes at every sixteenth of an ingest. */
  memory?: number[] | undefined;
  /** Records that were written while the reads of a mixed work went on. */
  writtenMeanwhile?: number | undefined;
  /** What a reader should know about this run. */
  notes?: string[] | undefined;
}

/** A figure of a row: what is taken from a measurement, and which way is better. */
export interface Figure {
  /** Its unit. */
  unit: string;
  /** Whether more or less of it is better. */
  better: "more" | "less";
  /** Takes it from a measurement. */
  of(measurement: Measurement): number | undefined;
}

const MiB = 1024 * 1024;

/** The name of a figure. */
export type FigureName =
  | "records"
  | "keys"
  | "commits"
  | "bytes"
  | "p50"
  | "p99"
  | "milliseconds"
  | "loopDelay"
  | "idle"
  | "peak"
  | "above"
  | "growth"
  | "written"
  | "toDisk"
  | "space"
  | "spaceOfKept";

/** The figures by name. */
export const figures: Readonly<Record<FigureName, Figure>> = {
  records: { unit: "records/s", better: "more", of: (m) => m.operations / m.seconds },
  keys: { unit: "keys/s", better: "more", of: (m) => m.operations / m.seconds },
  commits: { unit: "commits/s", better: "more", of: (m) => m.operations / m.seconds },
  bytes: { unit: "MiB/s", better: "more", of: (m) => m.payloadBytes / MiB / m.seconds },
  p50: { unit: "µs p50", better: "less", of: (m) => m.latency?.p50 },
  p99: { unit: "µs p99", better: "less", of: (m) => m.latency?.p99 },
  idle: { unit: "µs p99", better: "less", of: (m) => m.idle?.p99 },
  milliseconds: { unit: "ms", better: "less", of: (m) => m.seconds * 1000 },
  loopDelay: {
    unit: "ms p99.9",
    better: "less",
    of: (m) => m.loopDelay === undefined ? undefined : m.loopDelay.p999 / 1000,
  },
  peak: {
    unit: "MiB peak",
    better: "less",
    of: (m) => m.peakBytes === undefined ? undefined : m.peakBytes / MiB,
  },
  above: {
    unit: "MiB above settings",
    better: "less",
    of: (m) =>
      m.peakBytes === undefined || m.settingsBytes === undefined
        ? undefined
        : (m.peakBytes - m.settingsBytes) / MiB,
  },
  growth: {
    unit: "× growth",
    better: "less",
    of: (m) => m.memory === undefined ? undefined : growthOf(m.memory),
  },
  written: {
    unit: "records/s",
    better: "more",
    of: (m) => m.writtenMeanwhile === undefined ? undefined : m.writtenMeanwhile / m.seconds,
  },
  toDisk: {
    unit: "bytes by byte",
    better: "less",
    of: (m) => m.writtenBytes === undefined ? undefined : m.writtenBytes / m.payloadBytes,
  },
  space: { unit: "bytes by byte", better: "less", of: (m) => m.space },
  spaceOfKept: { unit: "bytes by byte", better: "less", of: (m) => m.spaceOfKept },
};

/**
 * How much larger the resident set was in the second half of an ingest than in the first: its peaks' ratio. Flat
 * memory gives about 1.
 */
export function growthOf(memory: readonly number[]): number | undefined {
  const half = memory.length >> 1;
  if (half === 0) return undefined;
  return Math.max(...memory.slice(half)) / Math.max(...memory.slice(0, half));
}
