/**
 * `deno task bench:peers`: Varve beside fio, RocksDB, lmdb and classic-level, in one run on one machine; or, with
 * `--against DIR`, beside the Varve of another checkout.
 *
 * It prints a table and the goals, and leaves `results.json`, `table.txt` and `peers.svg`.
 */

import { FioPeer } from "./fio.ts";
import { choosePeers, chooseRows, runBench, runMain } from "./harness.ts";
import { NodeModules, NodePeer } from "./node/node_peer.ts";
import { parseOptions, type PeersOptions, usage } from "./options.ts";
import type { Peer } from "./peer.ts";
import { beforeAfterRows, formatBeforeAfter } from "./report/before_after.ts";
import { formatTable } from "./report/table.ts";
import { RocksDbPeer } from "./rocksdb/rocksdb.ts";
import { fullScale, quickScale, type Row, rowsOf } from "./rows.ts";
import { VarvePeer, varvePeers } from "./varve/varve.ts";

/** Runs the benchmark. */
async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  const { quick, runs, out, dir, against } = options;
  const scale = quick ? quickScale() : fullScale(options.sizeBytes, options.memoryBytes);
  await runBench({
    command: ["deno task bench:peers", ...args].join(" "),
    rows: rowsFor(rowsOf(scale), options),
    peers: peersFor(options),
    sizes: { scale },
    runs,
    quick,
    out,
    dir,
    format: against === undefined ? formatTable : formatBeforeAfter,
  });
}

function peersFor({ against, nodeModules, peers }: PeersOptions): Peer[] {
  const modules = new NodeModules(nodeModules);
  const all: Peer[] = [
    ...varvePeers(),
    ...(against === undefined ? [] : [new VarvePeer(undefined, { name: "before", checkout: against })]),
    new RocksDbPeer(),
    new NodePeer("lmdb", modules),
    new NodePeer("classic-level", modules),
    new FioPeer(),
  ];
  return choosePeers(all, peers ?? (against === undefined ? undefined : ["varve", "before"]));
}

/** Those that are named, or those that are measured before and after a change, or all. */
function rowsFor(rows: readonly Row[], { only, against }: PeersOptions): Row[] {
  if (only !== undefined || against === undefined) return chooseRows(rows, only);
  return rows.filter(({ id }) => beforeAfterRows.includes(id));
}

if (import.meta.main) await runMain(main, usage);
