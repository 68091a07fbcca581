/** Holds `deno task bench:peers` together: everything runs at tiny sizes, and nothing is said about time. */

import { assert, assertEquals } from "@std/assert";
import { type PeersResult, readResult } from "../../bench/peers/result.ts";
import { beforeAfterRows } from "../../bench/peers/report/before_after.ts";
import { quickScale, rowsOf } from "../../bench/peers/rows.ts";

const root = new URL("../../", import.meta.url).pathname;
// lmdb and classic-level would have to be installed; a directory that holds them already may be named.
const nodeModules = Deno.env.get("VARVE_BENCH_NODE_MODULES");

async function runPeers(out: string, options: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      `${root}bench/peers/main.ts`,
      "--quick",
      `--out=${out}`,
      ...options,
    ],
    cwd: root,
  }).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout);
}

function assertFigures(result: PeersResult): void {
  for (const row of result.rows) {
    for (const peer of row.peers) {
      assertEquals(peer.errors, [], `${row.id} of ${peer.peer}`);
      for (const figure of peer.runs) assert(figure > 0 && Number.isFinite(figure), `${row.id}: ${figure}`);
    }
  }
}

Deno.test("bench:peers measures every row, and leaves files that parse", async () => {
  const out = await Deno.makeTempDir({ prefix: "varve_smoke_" });
  try {
    const peers = [
      "varve",
      "fio",
      "rocksdb",
      ...(nodeModules === undefined ? [] : ["lmdb", "classic-level"]),
    ];
    const modules = nodeModules === undefined ? [] : [`--node-modules=${nodeModules}`];
    const table = await runPeers(out, [`--peers=${peers.join(",")}`, ...modules]);
    const result = await readResult(`${out}/results.json`);
    assertEquals(result.rows.map((row) => row.id), rowsOf(quickScale()).map((row) => row.id));
    assertFigures(result);
    for (const row of result.rows) {
      assert(row.peers.some((peer) => peer.peer === "varve" && peer.figure !== undefined), row.id);
      assert(table.includes(row.id), row.id);
    }
    const chart = await Deno.readTextFile(`${out}/peers.svg`);
    assert(chart.startsWith("<svg ") && chart.endsWith("</svg>\n"));
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});

Deno.test("bench:peers --against sets two checkouts side by side", async () => {
  const out = await Deno.makeTempDir({ prefix: "varve_smoke_" });
  try {
    const table = await runPeers(out, [`--against=${root}`]);
    const result = await readResult(`${out}/results.json`);
    assertEquals(result.rows.map((row) => row.id).toSorted(), beforeAfterRows.toSorted());
    assertFigures(result);
    for (const row of result.rows) {
      assertEquals(row.peers.map(({ peer }) => peer), ["varve", "before"], row.id);
      assert(table.includes(row.id), row.id);
    }
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});
