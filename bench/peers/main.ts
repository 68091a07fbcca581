/**
 * `deno task bench:peers`: Varve beside fio, RocksDB, lmdb and classic-level, in one run on one machine; or, with
 * `--against DIR`, beside the Varve of another checkout.
 *
 * It prints a table and the goals, and leaves `results.json`, `table.txt` and `peers.svg`.
 */

import { dropCaches } from "./machine/cache.ts";
import { drawChart } from "./report/chart.ts";
import { FioPeer } from "./fio.ts";
import { describeMachine } from "./machine/machine.ts";
import { NodeModules, NodePeer } from "./node/node_peer.ts";
import { parseOptions, type PeersOptions, usage } from "./options.ts";
import type { Peer } from "./peer.ts";
import { print, progress } from "./print.ts";
import { type PeerDescription, type PeersResult, resultFormat, type RowResult } from "./result.ts";
import { RocksDbPeer } from "./rocksdb/rocksdb.ts";
import { fullScale, quickScale, type Row, rowsOf } from "./rows.ts";
import { runSchedule } from "./schedule.ts";
import { beforeAfterRows, formatBeforeAfter } from "./report/before_after.ts";
import { formatTable } from "./report/table.ts";
import { VarvePeer, varvePeers } from "./varve/varve.ts";
import { Workspace } from "./machine/workspace.ts";

/** Those who take part, and those who cannot. */
interface Field {
  peers: Peer[];
  descriptions: PeerDescription[];
  absent: { name: string; reason: string }[];
}

/** Runs the benchmark. */
async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return print(usage);
  const options = parseOptions(args);
  await using workspace = await Workspace.create(options.dir);
  const field = await gather(options, workspace);
  const scale = options.quick ? quickScale() : fullScale(options.sizeBytes, options.memoryBytes);
  const rows = chooseRows(rowsOf(scale), options);
  const machine = await describeMachine(workspace.path);
  // At tiny sizes nothing is measured, and dropping would slow down whatever else the machine does.
  const cachesDropped = !options.quick && await dropCaches(workspace.path);
  const resultOf = (results: readonly RowResult[]): PeersResult => ({
    format: resultFormat,
    when: new Date().toISOString(),
    command: ["deno task bench:peers", ...args].join(" "),
    quick: options.quick,
    runs: options.runs,
    scale,
    cachesDropped,
    machine,
    peers: field.descriptions,
    absent: field.absent,
    rows: [...results],
  });
  await Deno.mkdir(options.out, { recursive: true });
  const format = options.against === undefined ? formatTable : formatBeforeAfter;
  const onRows = (results: readonly RowResult[]) => save(options.out, resultOf(results), format);
  const result = resultOf(
    await runSchedule({
      rows,
      peers: field.peers,
      runs: options.runs,
      workspace,
      dropsCaches: cachesDropped,
      onRows,
    }),
  );
  await save(options.out, result, format);
  print(format(result));
  print(`\nresults.json, table.txt and peers.svg are in ${options.out}`);
}

async function gather(options: PeersOptions, workspace: Workspace): Promise<Field> {
  const field: Field = { peers: [], descriptions: [], absent: [] };
  for (const peer of choose(options)) {
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

function choose(options: PeersOptions): Peer[] {
  const { against } = options;
  const modules = new NodeModules(options.nodeModules);
  const all: Peer[] = [
    ...varvePeers(),
    ...(against === undefined ? [] : [new VarvePeer(undefined, { name: "before", checkout: against })]),
    new RocksDbPeer(),
    new NodePeer("lmdb", modules),
    new NodePeer("classic-level", modules),
    new FioPeer(),
  ];
  const peers = options.peers ?? (against === undefined ? undefined : ["varve", "before"]);
  if (peers === undefined) return all.filter((peer) => peer.byDefault);
  const unknown = peers.filter((name) => !all.some((peer) => peer.name === name));
  if (unknown.length > 0) {
    throw new TypeError(`Cannot find peer "${unknown[0]}": expected ${all.map((p) => p.name).join(", ")}`);
  }
  return all.filter((peer) => peers.includes(peer.name));
}

/** Those that are named, or those that are measured before and after a change, or all. */
function chooseRows(rows: readonly Row[], { only, against }: PeersOptions): Row[] {
  const isWanted = ({ id }: Row) => {
    if (only !== undefined) return only.some((prefix) => id.startsWith(prefix));
    return against === undefined || beforeAfterRows.includes(id);
  };
  const chosen = rows.filter(isWanted);
  if (chosen.length === 0) throw new TypeError(`Cannot find a row that begins with "${only?.join(",")}"`);
  return chosen;
}

async function save(
  directory: string,
  result: PeersResult,
  format: (result: PeersResult) => string,
): Promise<void> {
  await Deno.writeTextFile(`${directory}/results.json`, JSON.stringify(result, undefined, 2) + "\n");
  await Deno.writeTextFile(`${directory}/table.txt`, format(result) + "\n");
  await Deno.writeTextFile(`${directory}/peers.svg`, drawChart(result));
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    progress(`${error.message}\n\n${usage}`);
    Deno.exitCode = 2;
  }
}
