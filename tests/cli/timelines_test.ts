import { assertEquals, assertMatch } from "@std/assert";
import { Store } from "../../mod.ts";
import { TemporaryFolder } from "../git/fixture.ts";
import { varve } from "./fixture.ts";

/** A store with ten versions of a key. */
async function makeStore(path: string): Promise<void> {
  await using store = await Store.open(path);
  for (let i = 1; i <= 10; i++) await store.timeline().append([{ key: "a", value: `${i}` }]);
}

Deno.test("varve branch, timelines and drop make, show and delete timelines", async () => {
  await using folder = new TemporaryFolder();
  await makeStore(`${folder.path}/store`);
  const run = (...args: string[]) => varve(folder, args);
  assertEquals(await run("branch", "store", "side", "--at", "4"), {
    code: 0,
    out: "4\n",
    err: "",
    bytes: new TextEncoder().encode("4\n"),
  });
  assertEquals((await run("get", "store", "a", "--timeline", "side")).out, "4");
  assertEquals((await run("put", "store", "b", "new", "--timeline", "side")).out, "5\n");
  assertEquals((await run("scan", "store", "--timeline", "side")).out, "a\t4\nb\tnew\n");
  assertEquals(
    (await run("history", "store", "a", "--timeline", "side", "--from", "3")).out,
    "3\tput\t3\n4\tput\t4\n",
  );
  assertEquals((await run("branch", "store", "deep", "--from", "side")).out, "5\n");
  const future = new Date(Date.now() + 2 * 86_400_000).toJSON().slice(0, 10);
  assertEquals((await run("branch", "store", "late", "--from", "main", "--at", future)).out, "10\n");
  assertEquals((await run("branch", "store", "early", "--at", "2001-01-31T08:30:00Z")).out, "0\n");
  const shown = await run("timelines", "store");
  assertMatch(shown.out, /^timeline +last LSN +durable +horizon +goes on from +made\n/);
  assertMatch(shown.out, /\nside +5 +5 +0 +main at 4 +2/);
  assertMatch(shown.out, /\ndeep +5 +5 +0 +side at 5 +2/);
  const lines = (await run("timelines", "store", "--json")).out.trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  assertEquals(lines.map(({ name, ancestor }) => [name, ancestor]), [
    ["main", undefined],
    ["side", { name: "main", lsn: 4 }],
    ["deep", { name: "side", lsn: 5 }],
    ["late", { name: "main", lsn: 10 }],
    ["early", { name: "main", lsn: 0 }],
  ]);
  assertEquals(JSON.parse((await run("stats", "store", "--json")).out).timelines.side.ancestor.lsn, 4);
  const kept = await run("gc", "store", "--history", "lsns=1");
  assertMatch(kept.out, /\nThe horizon stays at LSN 0 or below: early goes on from there\n/);
  const refused = await run("drop", "store", "side");
  assertEquals([refused.code, refused.out], [1, ""]);
  assertEquals(refused.err, 'varve: Cannot delete timeline "side": timelines go on from it: "deep"\n');
  for (const name of ["deep", "side", "early"]) {
    assertEquals((await run("drop", "store", name)).code, 0, name);
  }
  assertEquals((await run("get", "store", "a", "--timeline", "side")).code, 1);
  assertMatch((await run("gc", "store", "--history", "lsns=1")).out, /^The horizon moved from 0 to 9\n/);
});

Deno.test("varve branch and drop say what is wrong", async () => {
  await using folder = new TemporaryFolder();
  await makeStore(`${folder.path}/store`);
  const failed: [string[], RegExp][] = [
    [["branch", "store", "x", "--from", "none"], /Cannot find timeline "none"/],
    [["branch", "store", "x", "--at", "11"], /Cannot branch at LSN 11: the last LSN is 10/],
    [["branch", "store", "main"], /there is one/],
    [["drop", "store", "main"], /it always exists/],
    [["drop", "store", "none"], /Cannot find timeline "none"/],
    [["branch", "nowhere", "x"], /there is no store/],
  ];
  for (const [args, message] of failed) {
    const { code, out, err } = await varve(folder, args);
    assertEquals([code, out], [1, ""], args.join(" "));
    assertMatch(err, message);
  }
  const asked: [string[], RegExp][] = [
    [["branch", "store"], /<name> is missing/],
    [["branch", "store", "x", "--at", "yesterday"], /--at takes a date/],
    [["branch", "store", "x", "--at", "99999999999999999999"], /--at takes an LSN/],
    [["branch", "store", "x", "--timeline", "main"], /--from names/],
    [["drop", "store"], /<name> is missing/],
    [["drop", "store", "x", "--timeline", "x"], /<name> names the timeline/],
    [["timelines", "store", "--timeline", "x"], /all timelines are shown/],
  ];
  for (const [args, message] of asked) {
    const { code, err } = await varve(folder, args);
    assertEquals(code, 2, args.join(" "));
    assertMatch(err, message);
  }
});
