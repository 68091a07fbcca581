import { assertEquals, assertMatch } from "@std/assert";
import { encodeKey, Store } from "../../mod.ts";
import { timeMarkBytes } from "../../src/layer/mod.ts";
import { TemporaryFolder } from "../git/fixture.ts";
import { Place } from "../store/matrix.ts";
import { varve } from "./fixture.ts";

/** Where the first record of a change lies: behind the header and the time of its batch. */
const first = 4096 + timeMarkBytes;

/** A store with two sealed layers and a segment that is not sealed. */
async function makeStore(folder: TemporaryFolder): Promise<void> {
  await using store = await Store.open(folder.join("store"));
  const timeline = store.timeline();
  await timeline.append([{ key: "a", value: "one" }, { key: "c", value: "" }]);
  await timeline.freeze();
  await timeline.append([{ key: "a", value: "two" }, { key: "b\n", delete: true }]);
  await timeline.freeze();
  await timeline.append([{ key: encodeKey(["user", 1]), value: "Ann" }, { key: "c", value: "three" }]);
}

/** Times, and names of files, which are others each time. */
function plain(text: string): string {
  return text.replace(/[\da-f]{16}\/\S+?\.seg/g, "FILE").replace(/\d+\.\d{3} ms/g, "N ms").replace(
    / +/g,
    " ",
  );
}

Deno.test("varve get --explain shows what reading keys costs", async () => {
  await using folder = new TemporaryFolder();
  await makeStore(folder);
  const ran = await varve(folder, [
    "get",
    "store",
    "a",
    "b\n",
    "c",
    "d",
    "--explain",
    "--io-mode",
    "buffered",
  ]);
  assertEquals([ran.code, ran.err], [0, ""]);
  assertEquals(
    plain(ran.out),
    `"a": 3 B at LSN 2, L0 FILE, record of 24 B at ${first}, from disk
 open 3–3 looked through in memory FILE
 L0 2–2 found pages: 0 cached, 2 read FILE
 passed over: 0 by their keys, 0 by their LSNs, 1 as older

"b\\n": deleted at LSN 2, L0 FILE
 open 3–3 looked through in memory FILE
 L0 2–2 found pages: 0 cached, 2 read FILE
 passed over: 0 by their keys, 0 by their LSNs, 1 as older

"c": 5 B at LSN 3, open FILE, record of 26 B at ${first + 38}, from disk
 open 3–3 found in memory FILE
 passed over: 1 by their keys, 0 by their LSNs, 1 as older

"d": absent
 open 3–3 looked through in memory FILE
 passed over: 2 by their keys, 0 by their LSNs, 0 as older

as of LSN 3
layers 1 in memory, 2 stored: 6 visits, 0 ended by a filter, 0 passed in vain
pages 0 cached, 3 read, 2 footers, 0 brought by others: 3 reads of 32 KiB in 2 rounds
records 0 in memory, 0 cached, 2 read: 2 reads of 1 KiB in 1 round, for 8 B
time walk N ms, pages N ms, values N ms, in all N ms
`,
  );
  const before = await varve(folder, ["get", "store", "c", "--lsn", "2", "--explain"]);
  const [line] = plain(before.out).split("\n");
  assertEquals(line, `"c": 0 B at LSN 1, L0 FILE, record of 21 B at ${first + 24}, from disk`);
  assertMatch(before.out, /passed over: 1 by their keys, 1 by their LSNs, 0 as older\n/);
});

Deno.test("varve get --explain --json shows one object, with keys as other commands show them", async () => {
  await using folder = new TemporaryFolder();
  await makeStore(folder);
  const explain = async (...args: string[]) => {
    const ran = await varve(folder, ["get", "store", ...args, "--explain", "--json"]);
    assertEquals([ran.code, ran.err], [0, ""]);
    return JSON.parse(ran.out);
  };
  const { lsn, keys, index, values, milliseconds } = await explain("YQ==", "/w==", "--base64");
  assertEquals([lsn, index.rounds, values.readRecords, milliseconds.total > 0], [3, 2, 1, true]);
  assertEquals([keys[0].key, keys[0].found.kind, keys[0].found.source], ["a", "L0", "disk"]);
  assertEquals([keys[1].keyBase64, keys[1].found, keys[1].excusedByRange], ["/w==", undefined, 2]);
  const [user] = (await explain("--key", '["user",1]', "--parts")).keys;
  assertEquals([user.keyParts, user.valueBytes], [["user", 1], 3]);
});

Deno.test("varve get --explain ends with 3 if a key is damaged, and tells of the others", async () => {
  await using folder = new TemporaryFolder();
  await makeStore(folder);
  const [path] = new Place(folder.join("store")).files(/\.seg$/), bytes = Deno.readFileSync(path);
  bytes[first + 4] ^= 1;
  Deno.writeFileSync(path, bytes);
  const ran = await varve(folder, ["get", "store", "a", "c", "--lsn", "1", "--explain"]);
  assertEquals([ran.code, ran.err], [3, ""]);
  assertMatch(plain(ran.out), /^"a": unreadable at LSN 1, L0 FILE: Cannot trust [^\n]*\n/);
  assertMatch(ran.out, /"c": 0 B at LSN 1/);
});

Deno.test("varve get refuses several keys without --explain, and --explain beside --raw or --text", async () => {
  await using folder = new TemporaryFolder();
  await makeStore(folder);
  const cases: [string[], string][] = [
    [["a", "b"], '"b" is one argument too many'],
    [["a", "--explain", "--raw"], "--explain and --raw exclude each other"],
    [["a", "--explain", "--text"], "--explain and --text exclude each other"],
    [["a", "--explain", "--key", "[1]"], '"a" is one argument too many'],
    [["--explain"], "<key> is missing"],
    [["YQ==", "!", "--explain", "--base64"], '"!" is not base64'],
  ];
  for (const [args, message] of cases) {
    const ran = await varve(folder, ["get", "store", ...args]);
    assertEquals([ran.code, ran.out, ran.err.includes(message)], [2, "", true], `${args}: ${ran.err}`);
  }
  const late = await varve(folder, ["get", "store", "a", "--explain", "--lsn", "4"]);
  assertEquals([late.code, late.err.includes("LSN 4")], [1, true]);
});
