/**
 * `deno task bench:old`: an old store, that is many records in random order after all their upkeep, of Varve beside
 * RocksDB, lmdb in the same runtime and the disk itself, held against what the design asks of one.
 *
 * It prints a table and the goals, and leaves `results.json`, `table.txt` and `peers.svg`.
 */

import { FioPeer } from "../fio.ts";
import { choosePeers, chooseRows, runBench, runMain } from "../harness.ts";
import { NodeModules, NodePeer } from "../node/node_peer.ts";
import { formatTable } from "../report/table.ts";
import { RocksDbPeer } from "../rocksdb/rocksdb.ts";
import { VarvePeer } from "../varve/varve.ts";
import { type OldOptions, parseOldOptions, usage } from "./options.ts";
import { checkRoom } from "./room.ts";
import { fullOldScale, oldRows, type OldScale, quickOldScale, youngScale } from "./rows.ts";

/** Runs the benchmark. */
async function main(args: readonly string[]): Promise<void> {
  const options = parseOldOptions(args);
  const { quick, runs, out, store, nodeModules } = options;
  const old = scaleOf(options);
  const scale = youngScale(old, quick);
  const rows = chooseRows(oldRows(old, scale), options.only);
  const peers = choosePeers([
    new VarvePeer(),
    new RocksDbPeer(),
    new NodePeer("lmdb", new NodeModules(nodeModules), "deno"),
    new FioPeer(),
  ], options.peers);
  if (store !== undefined) await Deno.mkdir(store, { recursive: true });
  const keptIn = store === undefined ? undefined : await Deno.realPath(store);
  const dir = keptIn ?? options.dir;
  await checkRoom(dir, rows, peers);
  await runBench({
    command: ["deno task bench:old", ...args].join(" "),
    rows,
    peers,
    sizes: { scale, old },
    runs,
    quick,
    out,
    dir,
    keptIn,
    format: formatTable,
  });
}

function scaleOf({ quick, records, overwriteBytes }: OldOptions): OldScale {
  return quick ? quickOldScale(records, overwriteBytes) : fullOldScale(records, overwriteBytes);
}

if (import.meta.main) await runMain(main, usage);
