import { assert, assertEquals, assertMatch } from "@std/assert";
import { Store } from "../../mod.ts";
import { parseHistory } from "../../src/cli/history_option.ts";
import { TemporaryFolder } from "../git/fixture.ts";
import { varve } from "./fixture.ts";

/** A store with twenty versions of a key, in two layers. */
async function makeStore(path: string): Promise<void> {
  await using store = await Store.open(path);
  for (let i = 1; i <= 20; i++) {
    await store.timeline().append([{ key: "a", value: `${i}` }]);
    if (i % 10 === 0) await store.timeline().freeze();
  }
}

Deno.test("varve gc tells what would go, gives it up, and says what it did", async () => {
  await using folder = new TemporaryFolder();
  await makeStore(`${folder.path}/store`);
  const all = await varve(folder, ["gc", "store"]);
  assertEquals([all.code, all.err], [0, ""]);
  assertMatch(all.out, /^The horizon stays at 0\nNothing to give up\nAll history is kept/);
  const dry = await varve(folder, ["gc", "store", "--history", "lsns=5", "--dry-run"]);
  assertMatch(dry.out, /^The horizon would move from 0 to 15\nAbout .* of 2 layers would go\n/);
  assertEquals((await varve(folder, ["get", "store", "a", "--lsn", "2"])).out, "2");
  const done = await varve(folder, ["gc", "store", "--history", "lsns=5"]);
  assertMatch(done.out, /^The horizon moved from 0 to 15\n.* went: 2 layers into 1\n$/);
  const gone = await varve(folder, ["get", "store", "a", "--lsn", "14"]);
  assertEquals([gone.code, gone.out], [1, ""]);
  assertMatch(gone.err, /it is below the horizon, which is at LSN 15/);
  assertEquals((await varve(folder, ["get", "store", "a", "--lsn", "15"])).out, "15");
  assertEquals((await varve(folder, ["history", "store", "a"])).out.split("\n").length, 7);
  const json = JSON.parse((await varve(folder, ["gc", "store", "--json"])).out);
  assertEquals([json.horizonAfter, json.inputLayers, json.stays], [15, 0, [{ reason: "history: all" }]]);
  for (const wrong of ["", "lsns", "lsns=-1", "years=1", "lsns=1,lsns=2"]) {
    assertEquals((await varve(folder, ["gc", "store", "--history", wrong])).code, 2, wrong);
  }
});

Deno.test("parseHistory() reads numbers of LSNs and times", () => {
  assertEquals(parseHistory("all"), "all");
  assertEquals(parseHistory("lsns=0"), { lsns: 0, milliseconds: undefined });
  assertEquals(parseHistory("days=1,hours=2,seconds=3,lsns=4"), { lsns: 4, milliseconds: 93_603_000 });
});

Deno.test("varve get and scan --at read as of a date, and refuse what is none", async () => {
  await using folder = new TemporaryFolder();
  await makeStore(`${folder.path}/store`);
  // Midnight is that of any zone: tomorrow's may be past.
  const future = new Date(Date.now() + 2 * 86_400_000).toJSON().slice(0, 10);
  for (const at of [future, `${future}T00:00`, `${future}T00:00:00Z`, `${future}T00:00:00.5+02:00`]) {
    assertEquals((await varve(folder, ["get", "store", "a", "--at", at])).out, "20", at);
  }
  assertEquals((await varve(folder, ["get", "store", "a", "--at", "2001-01-31"])).code, 1);
  assertEquals((await varve(folder, ["scan", "store", "--at", "2001-01-31T08:30:00Z"])).out, "");
  for (
    const wrong of ["yesterday", "2026-02-30", "2026-13-01", "2026-01-01T25:00", "2026-1-1", "1767225600"]
  ) {
    const refused = await varve(folder, ["get", "store", "a", "--at", wrong]);
    assertEquals(refused.code, 2, wrong);
    assert(refused.err.includes("--at takes a date"), refused.err);
  }
  const both = await varve(folder, ["scan", "store", "--at", "2026-01-01", "--lsn", "1"]);
  assertEquals(both.code, 2);
  assertMatch(both.err, /--lsn and --at exclude each other/);
});
