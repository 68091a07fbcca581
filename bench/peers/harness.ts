/**
 * Runs one of the benches beside peers: finds out who is here, measures row by row, and leaves `results.json`,
 * `table.txt` and `peers.svg` after each work, so that what was measured survives an interruption.
 */

import { dropCaches } from "./machine/cache.ts";
import { describeMachine } from "./machine/machine.ts";
import { Workspace } from "./machine/workspace.ts";
import type { Peer } from "./peer.ts";
import { print, progress } from "./print.ts";
import { drawChart } from "./report/chart.ts";
import { type PeerDescription, type PeersResult, resultFormat, type RowResult } from "./result.ts";
import type { Row } from "./rows.ts";
import { runSchedule } from "./schedule.ts";

/** What is run, and what becomes of it. */
export interface Bench {
  /** The command that gives it again. */
  command: string;
  /** The rows. */
  rows: readonly Row[];
  /** Who takes part if they are here. */
  peers: readonly Peer[];
  /** What the result says about sizes. */
  sizes: Pick<PeersResult, "scale" | "old">;
  /** How many runs of each. */
  runs: number;
  /** Whether sizes are too small to mean anything. */
  quick: boolean;
  /** Where the results go. */
  out: string;
  /** Where the data go; the system's temporary folder if it is left out. */
  dir?: string | undefined;
  /** Where old datasets are looked for and left, on the same disk as `dir`. */
  keptIn?: string | undefined;
  /** Writes the result as text. */
  format(result: PeersResult): string;
}

/** Those who take part, and those who cannot. */
interface Field {
  peers: Peer[];
  descriptions: PeerDescription[];
  absent: { name: string; reason: string }[];
}

/** Runs a bench, prints what it gave and leaves its files. */
export async function runBench(bench: Bench): Promise<void> {
  await using workspace = await Workspace.create(bench.dir);
  const field = await gather(bench.peers, workspace);
  const machine = await describeMachine(workspace.path);
  // At tiny sizes nothing is measured, and dropping would slow down whatever else the machine does.
  const cachesDropped = !bench.quick && await dropCaches(workspace.path);
  const resultOf = (results: readonly RowResult[]): PeersResult => ({
    format: resultFormat,
    when: new Date().toISOString(),
    command: bench.command,
    quick: bench.quick,
    runs: bench.runs,
    ...bench.sizes,
    cachesDropped,
    machine,
    peers: field.descriptions,
    absent: field.absent,
    rows: [...results],
  });
  await Deno.mkdir(bench.out, { recursive: true });
  const result = resultOf(
    await runSchedule({
      rows: bench.rows,
      peers: field.peers,
      runs: bench.runs,
      workspace,
      dropsCaches: cachesDropped,
      keptIn: bench.keptIn,
      onRows: (results) => save(bench, resultOf(results)),
    }),
  );
  await save(bench, result);
  print(bench.format(result));
  print(`\nresults.json, table.txt and peers.svg are in ${bench.out}`);
}

/** Those that are named, or those that take part when nobody is named. */
export function choosePeers(all: readonly Peer[], names: readonly string[] | undefined): Peer[] {
  if (names === undefined) return all.filter((peer) => peer.byDefault);
  const unknown = names.find((name) => !all.some((peer) => peer.name === name));
  if (unknown !== undefined) {
    throw new TypeError(`Cannot find peer "${unknown}": expected ${all.map((peer) => peer.name).join(", ")}`);
  }
  return all.filter((peer) => names.includes(peer.name));
}

/** The rows whose names begin with one of `only`, or those that need not be named. */
export function chooseRows(rows: readonly Row[], only: readonly string[] | undefined): Row[] {
  if (only === undefined) return rows.filter((row) => !row.onlyByName);
  const chosen = rows.filter(({ id }) => only.some((prefix) => id.startsWith(prefix)));
  if (chosen.length === 0) throw new TypeError(`Cannot find a row that begins with "${only.join(",")}"`);
  return chosen;
}

/**
 * Runs the main function of a bench: what is wrong with its arguments is said in a line, with how it is called.
 *
 * @param main What runs it, given its arguments.
 * @param usage How it is called.
 */
export async function runMain(
  main: (args: readonly string[]) => Promise<void>,
  usage: string,
): Promise<void> {
  if (Deno.args.includes("--help")) return print(usage);
  try {
    await main(Deno.args);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    progress(`${error.message}\n\n${usage}`);
    Deno.exitCode = 2;
  }
}

async function gather(peers: readonly Peer[], workspace: Workspace): Promise<Field> {
  const field: Field = { peers: [], descriptions: [], absent: [] };
  for (const peer of peers) {
    const presence = await peer.probe(workspace);
    if ("absent" in presence) {
      progress(`# ${peer.name} is skipped: ${presence.absent}`);
      field.absent.push({ name: peer.name, reason: presence.absent });
      continue;
    }
    progress(`# ${peer.name} ${presence.version}`);
    field.peers.push(peer);
    field.descriptions.push({ name: peer.name, settings: peer.settings, ...presence });
  }
  return field;
}

async function save({ out, format }: Bench, result: PeersResult): Promise<void> {
  await Deno.writeTextFile(`${out}/results.json`, JSON.stringify(result, undefined, 2) + "\n");
  await Deno.writeTextFile(`${out}/table.txt`, format(result) + "\n");
  await Deno.writeTextFile(`${out}/peers.svg`, drawChart(result));
}
