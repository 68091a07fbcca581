/**
 * Runs the works: for each work its runs, and in each run every peer once, so that a drift of the machine meets all
 * peers alike. Who begins changes from run to run.
 *
 * ```
 *   work 1:  run 1: a b c   run 2: b c a   run 3: c a b   …
 *   work 2:  …
 * ```
 */

import { Datasets } from "./datasets.ts";
import { dropCaches } from "./machine/cache.ts";
import type { Measurement } from "./measurement.ts";
import { type Peer, UnableError } from "./peer.ts";
import { progress } from "./print.ts";
import { peerResultOf, type RowResult } from "./result.ts";
import { figures } from "./measurement.ts";
import type { Row } from "./rows.ts";
import { datasetOf, type Work } from "./work.ts";
import type { Workspace } from "./machine/workspace.ts";

/** Rows whose work is the same. */
interface Group {
  work: Work;
  rows: Row[];
}

/** What the runs of one peer gave. */
interface Runs {
  measurements: Measurement[];
  errors: string[];
  /** Why it turned out to be unable to do the work, after which it is not asked again. */
  remarks: string[];
}

/** What is run, and where. */
export interface ScheduleOptions {
  /** The rows. */
  rows: readonly Row[];
  /** Who is here. */
  peers: readonly Peer[];
  /** How many runs of each. */
  runs: number;
  /** Where. */
  workspace: Workspace;
  /** Whether the page cache is dropped before each run. */
  dropsCaches: boolean;
  /** Where old datasets are looked for and left, on the disk of the workspace. */
  keptIn?: string | undefined;
  /** Told after each work, so that what was measured survives an interruption. */
  onRows?: (rows: readonly RowResult[]) => Promise<void>;
}

/** Runs everything, and returns the rows in their order. */
export async function runSchedule(options: ScheduleOptions): Promise<RowResult[]> {
  const groups = groupRows(options.rows);
  const datasets = new Datasets(options.workspace, options.keptIn);
  const results = new Map<string, RowResult>();
  for (const [index, group] of groups.entries()) {
    const peers = options.peers.filter((peer) => peer.supports(group.work));
    const runs = await runGroup(group, peers, datasets, options);
    for (const row of group.rows) results.set(row.id, rowResultOf(row, runs));
    await datasets.keepOnly(groups.slice(index + 1).map((later) => datasetOf(later.work)));
    await options.onRows?.(inOrder(options.rows, results));
  }
  return inOrder(options.rows, results);
}

function inOrder(rows: readonly Row[], results: ReadonlyMap<string, RowResult>): RowResult[] {
  return rows.map((row) => results.get(row.id)).filter((result) => result !== undefined);
}

function groupRows(rows: readonly Row[]): Group[] {
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const key = JSON.stringify(row.work);
    const group = groups.get(key) ?? { work: row.work, rows: [] };
    group.rows.push(row);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function rowResultOf(row: Row, runs: ReadonlyMap<Peer, Runs>): RowResult {
  const { unit, better } = figures[row.figure];
  const peers = [...runs].map(([peer, { measurements, errors, remarks }]) =>
    peerResultOf(row, peer.name, measurements, errors, remarks)
  );
  // A peer that ran and has no such figure (RocksDB has no event loop) leaves no empty cell.
  const unable = new Set([...runs].filter(([, { remarks }]) => remarks.length > 0).map(([{ name }]) => name));
  const present = peers.filter((peer) =>
    peer.figure !== undefined || peer.errors.length > 0 || unable.has(peer.peer)
  );
  return { id: row.id, title: row.title, work: row.work, figure: row.figure, unit, better, peers: present };
}

async function runGroup(
  group: Group,
  peers: readonly Peer[],
  datasets: Datasets,
  options: ScheduleOptions,
): Promise<Map<Peer, Runs>> {
  progress(`# ${group.rows.map((row) => row.id).join(", ")}`);
  const all = new Map(
    peers.map((peer): [Peer, Runs] => [peer, { measurements: [], errors: [], remarks: [] }]),
  );
  for (let run = 0; run < options.runs; run++) {
    for (let turn = 0; turn < peers.length; turn++) {
      const peer = peers[(run + turn) % peers.length];
      const runs = all.get(peer)!;
      if (runs.remarks.length === 0) await runOnce(group, peer, runs, datasets, options);
    }
  }
  return all;
}

async function runOnce(
  group: Group,
  peer: Peer,
  runs: Runs,
  datasets: Datasets,
  { workspace, dropsCaches }: ScheduleOptions,
): Promise<void> {
  const directory = await workspace.directory("run");
  try {
    const wanted = datasetOf(group.work);
    const dataset = wanted === undefined ? undefined : await datasets.path(peer, wanted);
    if (dropsCaches) await dropCaches(workspace.path);
    const accountPath = workspace.accountPath();
    const measurement = await peer.measure({ work: group.work, directory, dataset, accountPath });
    runs.measurements.push(measurement);
    await handOver(group.work, peer, datasets, directory);
    progress(`  ${peer.name.padEnd(24)} ${describe(group.rows[0], measurement)}`);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const isUnable = error instanceof UnableError;
    (isUnable ? runs.remarks : runs.errors).push(message);
    progress(`  ${peer.name.padEnd(24)} ${isUnable ? "left out" : "failed"}: ${message}`);
  } finally {
    await removeDirectory(directory);
  }
}

/** What a work filled is read by later ones. */
async function handOver(work: Work, peer: Peer, datasets: Datasets, directory: string): Promise<void> {
  if (work.kind === "fill" && work.keys === "once") await datasets.adopt(peer, work.dataset, directory);
}

/** Removes a directory, unless it was handed over. */
async function removeDirectory(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function describe(row: Row, measurement: Measurement): string {
  const figure = figures[row.figure];
  return `${figure.of(measurement)?.toPrecision(4)} ${figure.unit} in ${measurement.seconds.toFixed(3)} s`;
}
