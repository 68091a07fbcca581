import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TemporaryFolder } from "../../git/fixture.ts";
import { varve } from "../fixture.ts";

/** Loads lines into "store" and returns how that ended. */
async function load(folder: TemporaryFolder, lines: string[], ...options: string[]) {
  return await varve(folder, ["load", "store", "--create", ...options], lines.join("\n"));
}

/** All that a store holds, as lines of JSON. */
async function scanned(folder: TemporaryFolder): Promise<unknown[]> {
  const { out } = await varve(folder, ["scan", "store", "--json"]);
  return out.trim().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

Deno.test("varve load reads lines from standard input", async () => {
  await using folder = new TemporaryFolder();
  const ran = await load(folder, [
    '{"key":"a","value":"1"}',
    "",
    '{"key":"b","value":"2"}',
    '  {"key":"c","delete":true}  ',
  ]);
  assertEquals([ran.code, ran.err], [0, ""]);
  assertStringIncludes(ran.out, "Loaded 3 changes in 1 batch, up to LSN 1");
  assertEquals(await scanned(folder), [{ key: "a", lsn: 1, value: "1" }, { key: "b", lsn: 1, value: "2" }]);
});

Deno.test("varve load reads lines from a file", async () => {
  await using folder = new TemporaryFolder();
  await Deno.writeTextFile(folder.join("lines"), '{"key":"a","value":"1"}\n');
  assertEquals((await varve(folder, ["load", "store", "lines", "--create"])).code, 0);
  assertEquals(await scanned(folder), [{ key: "a", lsn: 1, value: "1" }]);
});

Deno.test("varve load passes over a byte order mark in front of all, and nowhere else", async () => {
  await using folder = new TemporaryFolder();
  const ran = await load(folder, ['\ufeff{"key":"a","value":"\ufeff1"}', '\ufeff{"key":"b","value":"2"}']);
  const refusal =
    "line 2: it begins with a byte order mark, which may stand in front of the first line alone";
  assertStringIncludes(ran.err, `varve: Cannot load standard input, ${refusal} (`);
  // Nor is a line of nothing else empty.
  assertStringIncludes((await load(folder, ["", "\ufeff"])).err, refusal);
  for (const lines of ["\ufeff", "\ufeff\n"]) assertEquals((await load(folder, [lines])).code, 0);
  const spaced = await load(folder, ['\ufeff {"key":"a","value":"\ufeff1"}']);
  assertEquals([spaced.code, spaced.err], [0, ""]);
  assertEquals(await scanned(folder), [{ key: "a", lsn: 1, value: "\ufeff1" }]);
});

Deno.test("varve load makes one batch of lines with the same LSN", async () => {
  await using folder = new TemporaryFolder();
  const ran = await load(folder, [
    '{"key":"a","value":"1","lsn":5}',
    '{"key":"b","value":"1","lsn":5}',
    '{"key":"a","value":"2","lsn":9}',
    '{"key":"b","value":"2"}',
  ]);
  assertStringIncludes(ran.out, "Loaded 4 changes in 3 batches, up to LSN 10");
  const history = await varve(folder, ["history", "store", "a"]);
  assertEquals(history.out, "5\tput\t1\n9\tput\t2\n");
});

Deno.test("varve load keeps every version of a key that comes again", async () => {
  await using folder = new TemporaryFolder();
  const lines = Array.from({ length: 5 }, (_, i) => `{"key":"a","value":"${i}"}`);
  await load(folder, [...lines, '{"keyBase64":"YQ==","value":"5"}']);
  const history = await varve(folder, ["history", "store", "a", "--json"]);
  assertEquals(history.out.trim().split("\n").map((line) => JSON.parse(line).value), [
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
  ]);
});

Deno.test("varve load reads base64", async () => {
  await using folder = new TemporaryFolder();
  await load(folder, ['{"key":"/w==","value":"AP8="}'], "--base64");
  assertEquals(await scanned(folder), [{ keyBase64: "/w==", lsn: 1, valueBase64: "AP8=" }]);
});

Deno.test("varve load --ignore-lsn reads back what varve scan --json wrote", async () => {
  await using folder = new TemporaryFolder();
  await load(folder, ['{"key":"b","value":"1"}', '{"key":"b","value":"2"}', '{"key":"a","value":"3"}']);
  const { out } = await varve(folder, ["scan", "store", "--json", "--reverse"]);
  const ran = await varve(folder, ["load", "copy", "--create", "--ignore-lsn"], out);
  assertEquals(ran.code, 0);
  const copy = await varve(folder, ["scan", "copy"]);
  assertEquals(copy.out, "a\t3\nb\t2\n");
});

Deno.test("varve load refuses a bad line and stores the batches before it", async () => {
  await using folder = new TemporaryFolder();
  const good = Array.from({ length: 2500 }, (_, i) => `{"key":"k${i}","value":"v"}`);
  const ran = await load(folder, [...good, "{bad", '{"key":"after","value":"v"}']);
  assertEquals(ran.code, 1);
  assertMatch(
    ran.err,
    /^varve: Cannot load standard input, line 2501: .* \(the 2,000 changes before are stored, up to LSN 2\)\n$/,
  );
  assertEquals((await scanned(folder)).length, 2000);
  assertEquals((await varve(folder, ["get", "store", "k1999"])).code, 0);
  assertEquals((await varve(folder, ["get", "store", "k2000"])).code, 1);
});

Deno.test("varve load stores nothing of a batch with a bad line", async () => {
  await using folder = new TemporaryFolder();
  const bad: [string | Uint8Array, string][] = [
    ['{"key":"a","value":"1"}\n{"key":"","value":"1"}', "line 2: Cannot use key: it is empty"],
    ['{"key":"a","value":"1"}\n{"key":"b"}', 'line 2: expected either "value", "patch" or "delete"'],
    ['{"key":"a","value":"1","lsn":3}\n{"key":"b","value":"1","lsn":-1}', "line 2: Cannot use LSN -1"],
    [Uint8Array.of(0x7b, 0xff), "line 1: it is not UTF-8"],
  ];
  for (const [input, message] of bad) {
    const ran = await varve(folder, ["load", "store", "--create"], input);
    assertEquals(ran.code, 1);
    assertStringIncludes(ran.err, message);
    assertStringIncludes(ran.err, "(nothing was stored)");
    assertEquals(ran.err.trim().split("\n").length, 1);
  }
  assertEquals(await scanned(folder), []);
});

Deno.test("varve load refuses an LSN that does not increase", async () => {
  await using folder = new TemporaryFolder();
  const ran = await load(folder, [
    '{"key":"a","value":"1","lsn":5}',
    '{"key":"b","value":"1","lsn":4}',
    '{"key":"c","value":"1","lsn":4}',
    '{"key":"d","value":"1","lsn":6}',
  ]);
  assertEquals(ran.code, 1);
  assertStringIncludes(ran.err, "lines 2 to 3: ");
  assertStringIncludes(ran.err, "(the 1 change before is stored, up to LSN 5)");
  assertEquals(await scanned(folder), [{ key: "a", lsn: 5, value: "1" }]);
});

Deno.test("varve load makes no store when the file is absent", async () => {
  await using folder = new TemporaryFolder();
  const ran = await varve(folder, ["load", "store", "absent", "--create"]);
  assertEquals(ran.code, 1);
  assertStringIncludes(ran.err, "absent");
  assertEquals(Array.from(Deno.readDirSync(folder.path)), []);
});
