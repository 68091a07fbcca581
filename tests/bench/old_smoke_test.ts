/** Holds `deno task bench:old` together: everything runs at tiny sizes, and nothing is said about time. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { readResult } from "../../bench/peers/result.ts";

const root = new URL("../../", import.meta.url).pathname;
// lmdb would have to be installed; a directory that holds it already may be named.
const nodeModules = Deno.env.get("VARVE_BENCH_NODE_MODULES");

function commandOf(out: string, options: readonly string[], env: Record<string, string> = {}): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${root}bench/peers/old/main.ts`, "--quick", `--out=${out}/results`, ...options],
    cwd: root,
    env,
    stdout: "piped",
    stderr: "piped",
  });
}

async function runOld(out: string, options: readonly string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await commandOf(out, options, env).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function inFolder(body: (out: string) => Promise<void>): Promise<void> {
  const out = await Deno.makeTempDir({ prefix: "varve_smoke_" });
  try {
    await body(out);
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

function namesIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).toSorted();
}

Deno.test("bench:old measures every row, leaves files that parse and no data", () =>
  inFolder(async (out) => {
    const peers = ["varve", "rocksdb", "fio", ...(nodeModules === undefined ? [] : ["lmdb:deno"])];
    const modules = nodeModules === undefined ? [] : [`--node-modules=${nodeModules}`];
    await Deno.mkdir(`${out}/data`);
    const { code, stdout, stderr } = await runOld(out, [
      `--peers=${peers}`,
      `--dir=${out}/data`,
      ...modules,
    ]);
    assertEquals(code, 0, stderr);
    const result = await readResult(`${out}/results/results.json`);
    for (const row of result.rows) {
      for (const { peer, errors, runs } of row.peers) {
        assertEquals(errors, [], `${row.id} of ${peer}`);
        for (const figure of runs) assert(Number.isFinite(figure), `${row.id}: ${figure}`);
      }
      const ours = row.peers.find(({ peer }) => peer === "varve");
      assert(ours?.figure !== undefined || (ours?.notes.length ?? 0) > 0, row.id);
    }
    assertEquals(result.rows.length, 23);
    assertEquals(
      stdout.split("\n").filter((line) => /^ {4}(met|missed)/.test(line)).length >= 12,
      true,
      stdout,
    );
    assertEquals(namesIn(`${out}/data`), []);
  }));

Deno.test("bench:old --store reads what an earlier run built there", () =>
  inFolder(async (out) => {
    const options = ["--peers=varve,fio", `--store=${out}/stores`];
    const built = await runOld(out, [...options, "--only=old.get.32MiB"]);
    assertEquals(built.code, 0, built.stderr);
    assertEquals(namesIn(`${out}/stores`), ["random-100-19968-old"]);
    assertEquals(namesIn(`${out}/stores/random-100-19968-old`).length, 2);
    const read = await runOld(out, [...options, "--only=old.scan,old.get.32MiB"]);
    assertEquals(read.code, 0, read.stderr);
    assertEquals(read.stderr.includes("prepared"), false, read.stderr);
    assertMatch(read.stderr, /varve +reads .*random-100-19968-old.*, which was there/);
    const again = await runOld(out, [...options, "--only=old.ingest"]);
    assertEquals(again.code, 0, again.stderr);
    assertEquals(namesIn(`${out}/stores`), ["random-100-19968-old"]);
  }));

Deno.test("bench:old leaves out peers that are not there, and says so", () =>
  inFolder(async (out) => {
    await Deno.mkdir(`${out}/bin`);
    for (const program of ["sh", "cat"]) await Deno.symlink(`/bin/${program}`, `${out}/bin/${program}`);
    const { code, stdout, stderr } = await runOld(out, ["--peers=varve,rocksdb,fio", "--only=old.open"], {
      PATH: `${out}/bin`,
    });
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /rocksdb was left out: there is no db_bench on the PATH/);
    assertMatch(stdout, /fio was left out: there is no fio on the PATH/);
    assertMatch(stdout, /open of the old store +≤ 50 ms +[\d.]+ ms +RocksDB: not measured/);
  }));

Deno.test("bench:old says what is wrong with its arguments", () =>
  inFolder(async (out) => {
    const { code, stderr } = await runOld(out, ["--records=many"]);
    assertEquals(code, 2);
    assertMatch(stderr, /^Cannot read records "many".*\n\nUsage: deno task bench:old/);
  }));

Deno.test("bench:old removes its data when it is interrupted", () =>
  inFolder(async (out) => {
    await Deno.mkdir(`${out}/data`);
    const options = ["--peers=varve", "--records=20M", "--only=old.ingest", `--dir=${out}/data`];
    const child = commandOf(out, options).spawn();
    const output = child.output();
    while (!hasSegment(`${out}/data`)) await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill("SIGINT");
    assertEquals((await output).code, 130);
    assertEquals(namesIn(`${out}/data`), []);
  }));

/** Whether a store has begun to be filled below a directory. */
function hasSegment(directory: string): boolean {
  return [...Deno.readDirSync(directory)].some(({ name, isDirectory }) =>
    isDirectory ? hasSegment(`${directory}/${name}`) : name.endsWith(".seg")
  );
}
