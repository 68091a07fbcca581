/** Holds `deno task bench:peers` together: everything runs at tiny sizes, and nothing is said about time. */

import { assert, assertEquals } from "@std/assert";
import { type PeersResult, resultFormat } from "../../bench/peers/result.ts";
import { renderReport } from "../../bench/peers/report.ts";
import { quickScale, rowsOf } from "../../bench/peers/rows.ts";

const root = new URL("../../", import.meta.url).pathname;
// lmdb and classic-level would have to be installed; a directory that holds them already may be named.
const nodeModules = Deno.env.get("VARVE_BENCH_NODE_MODULES");

async function runPeers(out: string): Promise<string> {
  const peers = ["varve", "fio", "rocksdb", ...(nodeModules === undefined ? [] : ["lmdb", "classic-level"])];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      `${root}bench/peers/main.ts`,
      "--quick",
      `--peers=${peers.join(",")}`,
      `--out=${out}`,
      ...(nodeModules === undefined ? [] : [`--node-modules=${nodeModules}`]),
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
    const table = await runPeers(out);
    const result: PeersResult = JSON.parse(await Deno.readTextFile(`${out}/results.json`));
    assertEquals(result.format, resultFormat);
    assertEquals(result.rows.map((row) => row.id), rowsOf(quickScale()).map((row) => row.id));
    assertFigures(result);
    for (const row of result.rows) {
      assert(row.peers.some((peer) => peer.peer === "varve" && peer.figure !== undefined), row.id);
      assert(table.includes(row.id), row.id);
    }
    for (const name of ["peers", "engines"]) {
      const chart = await Deno.readTextFile(`${out}/${name}.svg`);
      assert(chart.startsWith("<svg ") && chart.endsWith("</svg>\n"), name);
    }
    assert(renderReport(result).includes("| goal | reached |"));
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});
