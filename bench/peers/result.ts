/** The results of a run, as they stand in its JSON file, and how runs are summed up. */

import type { Machine } from "./machine/machine.ts";
import { type FigureName, figures, type Latency, type Measurement } from "./measurement.ts";
import type { OldScale } from "./old/rows.ts";
import type { Row, Scale } from "./rows.ts";
import type { Work } from "./work.ts";

/** The name and version of the shape of the file. */
export const resultFormat: string = "varve-peers-2";

/** A middle and its bounds. */
export interface Spread {
  /** The median. */
  median: number;
  /** The smallest. */
  min: number;
  /** The largest. */
  max: number;
}

/** What one peer gave in one row. */
export interface PeerResult {
  /** Its name. */
  peer: string;
  /** The figure of the row over all runs; `undefined` if every run failed. */
  figure?: Spread | undefined;
  /** The figure of each run, in order. */
  runs: number[];
  /** The median over runs of each percentile, in microseconds. */
  latency?: Latency | undefined;
  /** The median over runs of each percentile of the event loop's delay, in microseconds. */
  loopDelay?: Latency | undefined;
  /** The median of CPU seconds. */
  cpuSeconds?: number | undefined;
  /** The median over runs of each percentile while nothing else went on, in microseconds. */
  idle?: Latency | undefined;
  /** The largest peak of memory in bytes. */
  peakBytes?: number | undefined;
  /** The median of bytes written to disk per byte of payload; for works that write. */
  writtenPerPayload?: number | undefined;
  /** The resident set in bytes at every sixteenth of the last run. */
  memory?: number[] | undefined;
  /** What a reader should know. */
  notes: string[];
  /** Why runs failed. */
  errors: string[];
}

/** A row with what its peers gave. */
export interface RowResult {
  /** Its name. */
  id: string;
  /** What it measures, in words. */
  title: string;
  /** What was done. */
  work: Work;
  /** Which figure. */
  figure: FigureName;
  /** The unit of the figure. */
  unit: string;
  /** Which way is better. */
  better: "more" | "less";
  /** The command of the run that gave it, where that is another than the result's. */
  command?: string | undefined;
  /** The peers in the order of the table. */
  peers: PeerResult[];
}

/** A peer that took part. */
export interface PeerDescription {
  /** Its name. */
  name: string;
  /** Its version. */
  version: string;
  /** Its settings. */
  settings: readonly string[];
  /** What a reader should know about this build of it. */
  notes: readonly string[];
}

/** Everything that a run gave. */
export interface PeersResult {
  /** {@linkcode resultFormat}. */
  format: string;
  /** When it ended, in ISO 8601. */
  when: string;
  /** The command that gives it again. */
  command: string;
  /** Whether sizes were too small to mean anything. */
  quick: boolean;
  /** How many runs of each. */
  runs: number;
  /** How much of each work was done. */
  scale: Scale;
  /** How much of it on an old store, if that is what was measured. */
  old?: OldScale | undefined;
  /** Whether the page cache was dropped before each run. */
  cachesDropped: boolean;
  /** Where it ran. */
  machine: Machine;
  /** Who took part. */
  peers: PeerDescription[];
  /** Who did not, and why. */
  absent: { name: string; reason: string }[];
  /** The rows. */
  rows: RowResult[];
}

/** The median, the smallest and the largest of some numbers; `undefined` for none. */
export function spreadOf(numbers: readonly number[]): Spread | undefined {
  if (numbers.length === 0) return undefined;
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1] };
}

/** Sums up what the runs of one peer gave in one row. */
export function peerResultOf(
  row: Row,
  peer: string,
  measurements: readonly Measurement[],
  errors: readonly string[],
  remarks: readonly string[] = [],
): PeerResult {
  const figure = figures[row.figure];
  const numbers = (of: (m: Measurement) => number | undefined): number[] =>
    measurements.map(of).filter((n) => n !== undefined).filter(Number.isFinite);
  const runs = numbers((m) => figure.of(m));
  const written = writes(row.work) ? numbers((m) => ratioOf(m.writtenBytes, m.payloadBytes)) : [];
  return {
    peer,
    figure: spreadOf(runs),
    runs,
    latency: medianLatency(measurements.map((m) => m.latency)),
    loopDelay: medianLatency(measurements.map((m) => m.loopDelay)),
    idle: medianLatency(measurements.map((m) => m.idle)),
    cpuSeconds: spreadOf(numbers((m) => m.cpuSeconds))?.median,
    peakBytes: spreadOf(numbers((m) => m.peakBytes))?.max,
    writtenPerPayload: spreadOf(written)?.median,
    memory: measurements.at(-1)?.memory,
    notes: [...new Set([...remarks, ...measurements.flatMap((m) => m.notes ?? [])])],
    errors: [...new Set(errors)],
  };
}

/** Finds a row by its name. */
export function findRow(result: PeersResult, rowId: string): RowResult | undefined {
  return result.rows.find((row) => row.id === rowId);
}

/** Finds what a peer gave in a row. */
export function findResult(result: PeersResult, rowId: string, peer: string): PeerResult | undefined {
  return findRow(result, rowId)?.peers.find((found) => found.peer === peer);
}

/** How many times better `a` is than `b`, by the direction of the row. */
export function timesBetter(better: "more" | "less", a: number, b: number): number {
  return better === "more" ? a / b : b / a;
}

function writes(work: Work): boolean {
  return ["ingest", "fill", "overwrite", "commit", "sink"].includes(work.kind);
}

function ratioOf(part: number | undefined, whole: number): number | undefined {
  return part === undefined ? undefined : part / whole;
}

function medianLatency(latencies: readonly (Latency | undefined)[]): Latency | undefined {
  const present = latencies.filter((latency) => latency !== undefined);
  const median = (of: (latency: Latency) => number) => spreadOf(present.map(of))?.median ?? 0;
  if (present.length === 0) return undefined;
  return {
    p50: median((l) => l.p50),
    p99: median((l) => l.p99),
    p999: median((l) => l.p999),
    max: median((l) => l.max),
  };
}

/** Reads a result from a file. */
export async function readResult(path: string): Promise<PeersResult> {
  const result: PeersResult = JSON.parse(await Deno.readTextFile(path));
  if (result.format === resultFormat) return result;
  throw new TypeError(`Cannot read "${path}": expected ${resultFormat}, found ${result.format}`);
}

/**
 * Puts rows that were measured again, at another size or by another run of the same machine, in place of those of
 * `first`; each then says which command gave it.
 */
export function mergeResults(first: PeersResult, later: readonly PeersResult[]): PeersResult {
  const rows = new Map(first.rows.map((row) => [row.id, row]));
  const peers = new Map(first.peers.map((peer) => [peer.name, peer]));
  for (const { command, rows: again, peers: present } of later) {
    for (const row of again) rows.set(row.id, { ...row, command });
    for (const peer of present) if (!peers.has(peer.name)) peers.set(peer.name, peer);
  }
  return { ...first, peers: [...peers.values()], rows: [...rows.values()] };
}
