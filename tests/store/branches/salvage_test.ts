/** Branches of a store that is verified, damaged, salvaged. */

import { assert, assertEquals } from "@std/assert";
import { salvage, Store, verifyStore } from "../../../mod.ts";
import { collect } from "../bytes.ts";
import { type Place, test } from "../matrix.ts";

const text = (value: Uint8Array | undefined) => value && new TextDecoder().decode(value);

/** A store of three timelines, each of which goes on from the one before, at LSNs 10 and 20; the first one goes on to 15. */
async function make(place: Place): Promise<string> {
  const path = `${place.path}/old`;
  await using store = await Store.open(path, { upkeep: "manual" });
  const main = store.timeline();
  for (let lsn = 1; lsn <= 10; lsn++) await main.append([{ key: "a", value: `main ${lsn}` }]);
  const side = await store.createTimeline("side", { ancestor: "main" });
  for (let lsn = 11; lsn <= 15; lsn++) await main.append([{ key: "a", value: `main ${lsn}` }]);
  for (let lsn = 11; lsn <= 20; lsn++) await side.append([{ key: "b", value: `side ${lsn}` }]);
  const deep = await store.createTimeline("deep", { ancestor: "side" });
  await deep.append([{ key: "b", delete: true }, { key: "c", value: "deep" }]);
  for (const timeline of [main, side, deep]) await timeline.freeze();
  return path;
}

/** What every timeline is, by its name. */
async function contents(path: string): Promise<Record<string, unknown>> {
  await using store = await Store.open(path);
  const all: Record<string, unknown> = {};
  for (const { name, lastLsn, ancestor } of store.timelines()) {
    const timeline = store.timeline(name);
    const entries = (await collect(timeline.scan())).map(({ key, value, lsn }) =>
      `${text(key)}@${lsn} ${text(value)}`
    );
    const history = (await collect(timeline.history("a"))).map(({ lsn }) => lsn);
    all[name] = { lastLsn, ancestor, entries, history };
  }
  return all;
}

test("salvage() copies branches as branches", async (place) => {
  const old = await make(place), path = `${place.path}/new`;
  assertEquals(await collect(ReadableStream.from(verifyStore(old))), []);
  const { timelines } = await salvage(old, path);
  assertEquals(
    timelines.map(({ name, ancestor, batches, lostCount }) => [name, ancestor, batches, lostCount]),
    [
      ["main", undefined, 15, 0],
      ["side", { name: "main", lsn: 10 }, 10, 0],
      ["deep", { name: "side", lsn: 20 }, 1, 0],
    ],
  );
  const found = await contents(path);
  assertEquals(found, await contents(old));
  assertEquals(found.deep, {
    lastLsn: 21,
    ancestor: { name: "side", lsn: 20 },
    entries: ["a@10 main 10", "c@21 deep"],
    history: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  });
});

test("salvage() makes branches also where what they go on from has lost its end", async (place) => {
  const old = await make(place), path = `${place.path}/new`;
  const folders = [...Deno.readDirSync(old)].filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
  const sideFile = await (async () => {
    await using store = await Store.open(old, { readOnly: true });
    return store.timeline("side").layers()[0].path;
  })();
  Deno.removeSync(sideFile);
  const findings = await collect(ReadableStream.from(verifyStore(old)));
  assert(findings.some(({ severity, timeline }) => severity === "damage" && timeline === "side"));
  const { timelines: [, side, deep] } = await salvage(old, path);
  assertEquals([side.batches, side.lostCount, deep.batches, deep.lostCount], [0, 1, 1, 0]);
  await using store = await Store.open(path);
  assertEquals(store.timelines().map(({ name, lastLsn, ancestor }) => [name, lastLsn, ancestor?.lsn]), [
    ["main", 15, undefined],
    ["side", 20, 10],
    ["deep", 21, 20],
  ]);
  assertEquals(text(await store.timeline("deep").get("a")), "main 10");
  assertEquals(folders.length, 3);
});

test("salvage() says that there is no manifest, without which branches have their own versions alone", async (place) => {
  const old = await make(place), path = `${place.path}/new`;
  for (const { name } of [...Deno.readDirSync(old)]) {
    if (name.startsWith("manifest-")) Deno.removeSync(`${old}/${name}`);
  }
  const { hasManifest, timelines } = await salvage(old, path);
  assertEquals([hasManifest, timelines.map(({ batches }) => batches).sort((a, b) => a - b)], [false, [
    1,
    10,
    15,
  ]]);
  assertEquals(timelines.filter(({ ancestor }) => ancestor !== undefined), []);
});

test("Store.open() refuses a timeline whose history ends before branches go on from it", async (place) => {
  const path = `${place.path}/old`, store = await Store.open(path), main = store.timeline();
  for (let lsn = 1; lsn <= 10; lsn++) await main.append([{ key: "a", value: `${lsn}` }], { sync: true });
  await store.createTimeline("side", { ancestor: "main" });
  // As after a kill: nothing but the branch tells that the end was durable.
  await using crashed = await place.copy();
  await store.close();
  const [segment] = crashed.files(/\.seg$/), bytes = Deno.readFileSync(segment);
  const at = bytes.findLastIndex((byte) => byte !== 0) - (bytes.findLastIndex((byte) => byte !== 0) % 4096);
  Deno.writeFileSync(segment, bytes.fill(0, at));
  const error = await Store.open(`${crashed.path}/old`).catch((error) => error);
  assert(error instanceof Error && error.message.includes('timeline "side" goes on from there'), `${error}`);
  const findings = await collect(ReadableStream.from(verifyStore(`${crashed.path}/old`)));
  assertEquals(findings.map(({ timeline, lsns }) => [timeline, lsns]), [["main", { first: 10, last: 10 }]]);
});
