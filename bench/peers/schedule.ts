/**
 * Runs the works: for each work its runs, and in each run every peer once, so that a drift of the machine meets all
 * peers alike. Who begins changes from run to run.
 *
 * ```
 *   work 1:  run 1: a b c   run 2: b c a   run 3: c a b   …
 *   work 2:  …
 * ```
 */

import { dropCaches } from "./machine/cache.ts";
import type { Measurement } from "./measurement.ts";
import type { Peer } from "./peer.ts";
import { progress } from "./print.ts";
import { peerResultOf, type RowResult } from "./result.ts";
import { figures } from "./measurement.ts";
import type { Row } from "./rows.ts";
import { type Dataset, datasetName, datasetOf, type Work } from "./work.ts";
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
  /** Told after each work, so that what was measured survives an interruption. */
  onRows?: (rows: readonly RowResult[]) => Promise<void>;
}

/** Runs everything, and returns the rows in their order. */
export async function runSchedule(options: ScheduleOptions): Promise<RowResult[]> {
  const groups = groupRows(options.rows);
  const datasets = new Datasets(options.workspace);
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
  const peers = [...runs].map(([peer, { measurements, errors }]) =>
    peerResultOf(row, peer.name, measurements, errors)
  );
  // A peer that ran and has no such figure (RocksDB has no event loop) leaves no empty cell.
  const present = peers.filter((peer) => peer.figure !== undefined || peer.errors.length > 0);
  return { id: row.id, title: row.title, work: row.work, figure: row.figure, unit, better, peers: present };
}

async function runGroup(
  group: Group,
  peers: readonly Peer[],
  datasets: Datasets,
  options: ScheduleOptions,
): Promise<Map<Peer, Runs>> {
  progress(`# ${group.rows.map((row) => row.id).join(", ")}`);
  const all = new Map(peers.map((peer): [Peer, Runs] => [peer, { measurements: [], errors: [] }]));
  for (let run = 0; run < options.runs; run++) {
    for (let turn = 0; turn < peers.length; turn++) {
      const peer = peers[(run + turn) % peers.length];
      await runOnce(group, peer, all.get(peer)!, datasets, options);
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
    progress(`  ${peer.name.padEnd(24)} ${describe(group.rows[0], measurement)}`);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    runs.errors.push(message);
    progress(`  ${peer.name.padEnd(24)} failed: ${message}`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function describe(row: Row, measurement: Measurement): string {
  const figure = figures[row.figure];
  return `${figure.of(measurement)?.toPrecision(4)} ${figure.unit} in ${measurement.seconds.toFixed(3)} s`;
}

/** The datasets that lie ready, one for each family of peers. */
class Datasets {
  readonly #workspace: Workspace;
  readonly #paths = new Map<string, Promise<string>>();

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  /** Where a dataset is; it is made if it is not there, and not tried again if that fails. */
  path(peer: Peer, dataset: Dataset): Promise<string> {
    const key = `${datasetName(dataset)}/${peer.family}`;
    let path = this.#paths.get(key);
    if (path === undefined) this.#paths.set(key, path = this.#make(peer, dataset));
    return path;
  }

  /** Removes those that are not among `wanted`. */
  async keepOnly(wanted: readonly (Dataset | undefined)[]): Promise<void> {
    const names = new Set(wanted.filter((dataset) => dataset !== undefined).map(datasetName));
    for (const [key, path] of this.#paths) {
      if (names.has(key.split("/")[0])) continue;
      this.#paths.delete(key);
      const directory = await path.catch(() => undefined);
      if (directory !== undefined) await Deno.remove(directory, { recursive: true });
    }
  }

  async #make(peer: Peer, dataset: Dataset): Promise<string> {
    const begin = performance.now();
    const directory = await this.#workspace.directory("data");
    await peer.prepare(dataset, directory);
    const seconds = (performance.now() - begin) / 1000;
    progress(`  ${peer.name.padEnd(24)} prepared ${datasetName(dataset)} in ${seconds.toFixed(1)} s`);
    return directory;
  }
}
