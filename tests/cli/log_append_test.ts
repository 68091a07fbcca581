/** `varve log append` that ends before its input does: what came before is in the log, and it says how much that is. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Log } from "../../src/log/mod.ts";
import { TemporaryFolder } from "../git/fixture.ts";
import { startVarve, varve } from "./fixture.ts";
import { canMount, onSmallDisk } from "./small_disk.ts";

const encoder = new TextEncoder(), decoder = new TextDecoder();

/** The records of a log. */
async function recordsOf(path: string): Promise<string[]> {
  await using log = await Log.open(path, { readOnly: true });
  return (await Array.fromAsync(log.readable())).map(({ payload }) => decoder.decode(payload));
}

Deno.test("varve log append appends every line before a bad one, says how many, and goes on behind", async () => {
  await using folder = new TemporaryFolder();
  const lines = Array.from({ length: 60_000 }, (_, i) => `{"payload":"event ${i}"}\n`);
  const bad = lines.with(59_990, "no JSON\n"), args = ["log", "append", "log", "--json", "--create"];
  const { code, out, err } = await varve(folder, args, bad.join(""));
  assertEquals([code, out], [1, ""]);
  assertEquals(
    err,
    "varve: Appended 59,990 records, at offsets 0 to 59989\nvarve: Cannot append line 59991: it is no JSON\n",
  );
  const rest = await varve(folder, args, lines.slice(59_990).join(""));
  assertEquals([rest.code, rest.out], [0, "Appended 10 records, at offsets 59990 to 59999\n"]);
  assertEquals(await recordsOf(folder.join("log")), lines.map((_, i) => `event ${i}`));
  const second = await varve(folder, args, '{"payload":"last"}\n{}\n');
  assertMatch(second.err, /^varve: Appended 1 record, at offset 60000\nvarve: Cannot append line 2: /);
});

Deno.test("varve log append appends the lines before one that is too long", async () => {
  await using folder = new TemporaryFolder();
  const long = encoder.encode(`one\ntwo\n${"x".repeat(64 * 1024 * 1024 + 1)}\nfour\n`);
  const { code, err } = await varve(folder, ["log", "append", "log", "--create"], long.slice());
  assertEquals(
    [code, err],
    [
      1,
      "varve: Appended 2 records, at offsets 0 to 1\n" +
      "varve: Cannot append line 3: it is over 67108864 bytes long\n",
    ],
  );
  assertEquals(await recordsOf(folder.join("log")), ["one", "two"]);
});

for (const isRaw of [false, true]) {
  const what = isRaw ? "nothing of a payload that is not whole" : "the whole lines that it read";
  Deno.test(`varve log append that is interrupted appends ${what}, and says so`, async () => {
    await using folder = new TemporaryFolder();
    const child = startVarve(folder, ["log", "append", "log", "--create", ...isRaw ? ["--raw"] : []]);
    const writer = child.stdin.getWriter();
    // A pipe holds 64 KiB: when all is written, the lines were read.
    await writer.write(encoder.encode(`one\ntwo\n${"x".repeat(2 ** 20)}`));
    child.kill("SIGINT");
    const { code, stdout, stderr } = await child.output();
    await writer.abort().catch(() => {});
    const said = isRaw ? "Appended 0 records" : "Appended 2 records, at offsets 0 to 1";
    assertEquals([code, stdout.length, decoder.decode(stderr)], [130, 0, `varve: ${said}\n`]);
    assertEquals(await recordsOf(folder.join("log")), isRaw ? [] : ["one", "two"]);
  });
}

Deno.test({
  name: "varve log append says of a full disk what is in the log, and goes on with the rest",
  ignore: !canMount(),
  fn: async () => {
    await using folder = new TemporaryFolder();
    await Deno.mkdir(folder.join("small"));
    const lines = Array.from({ length: 200_000 }, (_, i) => `${"v".repeat(80)}${i}`);
    const args = ["log", "append", "small/store", "--create"];
    const full = await varve(folder, args, lines.map((line) => `${line}\n`).join(""), onSmallDisk);
    assertEquals([full.code, full.out], [1, ""], full.err);
    assertMatch(full.err, /^varve: Appended [^\n]*\nvarve: [^\n]*ENOSPC[^\n]*\n$/);
    const [, count, last] = full.err.match(/Appended ([\d,]+) records, at offsets 0 to (\d+)\n/) ?? [];
    const kept = Number(count.replaceAll(",", ""));
    assert(kept > 0 && kept < lines.length && Number(last) === kept - 1, full.err);
    assertEquals(await recordsOf(folder.join("kept")), lines.slice(0, kept));
  },
});
