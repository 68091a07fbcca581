/** Opening a store over a disk in memory: cut short at every operation, after a loss of power, with files put back. */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { CorruptionError, Store, type StoreOptions, verifyStore } from "../../mod.ts";
import { ListedFaults, lose, SeededChoices, SimDisk, SimEngine } from "../../testing.ts";
import { decodeFooter } from "../../src/layer/mod.ts";
import { closeStore, openStore } from "../../src/store/open_store.ts";
import { Random, seeds } from "../random.ts";
import { collect, patterned } from "./bytes.ts";

const path = "/disk/store";
const options: StoreOptions = { segmentBytes: 64 * 1024 };

function openOn(disk: SimDisk, faults = new ListedFaults()): Promise<Store> {
  return Store.open(path, { ...options, ioEngine: new SimEngine({ disk, faults }) });
}

/** Every version of every key, of every timeline. */
async function everything(disk: SimDisk): Promise<Record<string, unknown>> {
  await using store = await openOn(disk);
  const found: Record<string, unknown> = {};
  for (const { name, lastLsn } of store.timelines()) {
    const timeline = store.timeline(name), versions: unknown[] = [];
    for (let i = 0; i < 12; i++) versions.push(await collect(timeline.history(`k${i}`)));
    found[name] = { lastLsn, versions };
  }
  return found;
}

/** Writes in this manner and that; `look` is called at every moment at which `durable` LSNs were acknowledged. */
async function work(
  store: Store,
  random: Random,
  look: (durable: ReadonlyMap<string, number>) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const durable = new Map(store.timelines().map(({ name, durableLsn }) => [name, durableLsn]));
  const timelines = [...durable.keys()].map((name) => store.timeline(name));
  for (let step = 0; step < 60; step++) {
    const timeline = random.pick(timelines), next = timeline.lastLsn + 1;
    const change = { key: `k${next % 12}`, value: patterned(random.from(0, 9000), next) };
    await timeline.append([random.once(9) ? { key: change.key, delete: true } : change]);
    if (random.once(20)) await timeline.freeze();
    if (random.once(25) && timelines.length < 3) {
      const name = `side ${durable.size}`;
      timelines.push(await store.createTimeline(name));
      durable.set(name, 0);
      await look(durable);
    }
    if (!random.once(4)) continue;
    durable.set(timeline.name, await timeline.sync());
    await look(durable);
  }
}

/**
 * A disk as it is when the process that wrote it is killed, with a segment that is not sealed, and one that is torn.
 *
 * @param isSynced Whether all that was written is synced: a loss of power may take the rest, or not, until somebody has
 * opened the store.
 */
async function killed(random: Random, isSynced: boolean): Promise<SimDisk> {
  const disk = new SimDisk();
  const store = await openOn(disk);
  await work(store, random);
  for (const { name } of isSynced ? store.timelines() : []) await store.timeline(name).sync();
  await store.timeline().append([{ key: "k1", value: patterned(100_000, 5) }], { sync: true });
  const left = disk.clone();
  await store.close();
  const isSealed = (name: string) => decodeFooter(left.contents(name).subarray(-4096)) !== undefined;
  const last = left.paths().filter((name) => name.endsWith(".seg") && !isSealed(name)).at(-1) as string;
  if (random.once(2)) left.put(last, left.contents(last).subarray(0, -random.below(4096)));
  return left;
}

Deno.test("Store.open() that is cut short at any change leaves what an untouched copy has", async () => {
  for (const [i, seed] of seeds("store opening", 2).flatMap((seed) => [0, 1].map((i) => [i, seed]))) {
    const choices = new SeededChoices(seed), isSynced = i === 0;
    const original = await killed(new Random(seed), isSynced);
    const expected = await everything(original.clone());
    let cuts = 0;
    for (let isCut = true; isCut; cuts++) {
      const disk = original.clone(), faults = new ListedFaults();
      faults.failFrom(cuts + 1, "EIO");
      isCut = await openOn(disk, faults).then((store) => store.close()).then(() => false, () => true);
      for (let i = 0; i < 2 && (isSynced || !isCut); i++) {
        assertEquals(await everything(disk.crash(choices)), expected, `no power after ${cuts} changes`);
      }
      assertEquals(await everything(disk.killed(choices)), expected, `after ${cuts} changes`);
      assert(cuts < 400, "opening and closing need a bounded number of changes");
    }
    assert(cuts > 3, `${cuts} changes`);
  }
});

Deno.test("Store.open() gives what it makes a generation of its own", async () => {
  const disk = new SimDisk();
  for (let opening = 1; opening <= 3; opening++) {
    const store = await openOn(disk);
    await store.timeline().append([{ key: "k", value: "" }]);
    await store.timeline().freeze();
    await store.close();
  }
  // The last number in the name of a segment is its generation.
  const generations = disk.paths().map((name) => /-([0-9a-f]{8})\.seg$/.exec(name)?.[1]);
  assertEquals(
    generations.filter((generation) => generation !== undefined),
    [1, 2, 3].map((generation) => `${generation}`.padStart(8, "0")),
  );
});

Deno.test("Timeline.sync() answers when nothing that it covers can be lost with the power", async () => {
  for (const seed of seeds("store power", 3)) {
    const random = new Random(seed), choices = new SeededChoices(seed);
    let disk = new SimDisk();
    for (let round = 0; round < 4; round++) {
      const store = await openOn(disk);
      await work(store, random, async (durable) => {
        for (const left of disk.crashStates({ limit: 3, choices })) await checkDurable(left, durable);
      });
      const left = random.once(2) ? disk.crash(choices) : disk.killed(choices);
      await store.close();
      disk = left;
    }
  }
});

async function checkDurable(left: SimDisk, durable: ReadonlyMap<string, number>): Promise<void> {
  await using store = await openOn(left);
  for (const [name, lsn] of durable) {
    const timeline = store.timeline(name);
    assert(timeline.lastLsn >= lsn, `timeline "${name}" has ${timeline.lastLsn} LSNs, ${lsn} were durable`);
    await timeline.getMany(Array.from({ length: 12 }, (_, i) => `k${i}`));
  }
}

/** A store of two segments that are sealed and one that is not, closed; and the manifest at each of its moments. */
async function closed(): Promise<{ disk: SimDisk; manifests: Map<string, Uint8Array>[] }> {
  const disk = new SimDisk(), manifests: Map<string, Uint8Array>[] = [];
  const keep = () => {
    const names = disk.paths().filter((name) => name.includes("/manifest-"));
    manifests.push(new Map(names.map((name) => [name, disk.contents(name)])));
  };
  for (let round = 0; round < 3; round++) {
    await using store = await openOn(disk);
    const timeline = store.timeline();
    keep();
    await timeline.append([{ key: `k${round}`, value: patterned(5000, round) }], { sync: true });
    await timeline.append([{ key: "k5", value: patterned(3000, round) }], { sync: true });
    keep();
    if (round < 2) await timeline.freeze();
    keep();
  }
  return { disk, manifests };
}

function segments(disk: SimDisk): string[] {
  return disk.paths().filter((name) => name.endsWith(".seg"));
}

Deno.test("Store.open() refuses an older manifest that was put back, or finds everything", async () => {
  const { disk, manifests } = await closed();
  const expected = await everything(disk.clone());
  let refused = 0;
  for (const [i, manifest] of manifests.entries()) {
    const copy = disk.clone();
    for (const name of copy.paths().filter((name) => name.includes("/manifest-"))) lose(copy, name);
    for (const [name, bytes] of manifest) copy.put(name, bytes);
    const found = await everything(copy).catch((error: unknown) => error);
    if (!(found instanceof CorruptionError)) assertEquals(found, expected, `manifest of moment ${i}`);
    else refused++;
  }
  assert(refused > 3, `${refused} were refused`);
});

Deno.test("Store.open() refuses segments that were exchanged", async () => {
  const { disk } = await closed();
  const names = segments(disk);
  assertEquals(names.length, 3);
  for (const [a, b] of [[0, 1], [0, 2], [1, 2]]) {
    const copy = disk.clone();
    copy.put(names[a], disk.contents(names[b]));
    copy.put(names[b], disk.contents(names[a]));
    // Layers are looked at when they are read, an unsealed segment when the store is opened.
    await assertRejects(() => everything(copy), CorruptionError);
  }
});

Deno.test("Store.open() refuses a segment of another store under the name of its own", async () => {
  const [one, other] = [(await closed()).disk, (await closed()).disk];
  for (const i of [0, 1, 2]) {
    const copy = one.clone();
    copy.put(segments(one)[i], other.contents(segments(other)[i]));
    await assertRejects(() => everything(copy), CorruptionError);
  }
});

Deno.test("Store.open() refuses a timeline that the manifest does not name", async () => {
  const { disk } = await closed();
  const [segment] = segments(disk);
  const orphan = segment.replace(/[0-9a-f]{16}(?=\/[^/]+$)/, "00000000000000ab");
  disk.put(orphan, disk.contents(segment));
  const error = await assertRejects(() => everything(disk), CorruptionError, "a manifest that names it");
  assertInstanceOf(error, CorruptionError);
  assertEquals(error.path, orphan.slice(0, orphan.lastIndexOf("/")));
});

Deno.test("Store.open() removes what a killed opening left, and only that", async () => {
  const { disk } = await closed();
  const before = disk.paths();
  const [manifest] = before.filter((name) => name.includes("/manifest-"));
  const version = Number(manifest.slice(-12));
  disk.put(`${path}/pending`, new Uint8Array(10));
  if (version > 1) {
    disk.put(manifest.replace(/[0-9]{12}$/, `${version - 1}`.padStart(12, "0")), new Uint8Array(10));
  }
  disk.put(`${path}/notes.txt`, new Uint8Array(10));
  await everything(disk);
  assertEquals(disk.paths(), [...before, `${path}/notes.txt`].sort());
});

Deno.test("Store.timelines() tells the horizon that the manifest has of each timeline", async () => {
  const disk = new SimDisk();
  {
    await using store = await openOn(disk);
    const side = await store.createTimeline("side");
    await side.append([{ key: "k", value: "v" }], { lsn: 7 });
    assertEquals(store.timelines().map(({ name, horizon }) => [name, horizon]), [["main", 0], ["side", 0]]);
  }
  const store = await openStore(path, { ...options, ioEngine: new SimEngine({ disk }) });
  const [, side] = store.manifest.state.timelines;
  await store.manifest.commit({ type: "horizon", id: side.id, lsn: 7 });
  await closeStore(store);
  await using again = await openOn(disk);
  assertEquals(again.timelines().map(({ name, horizon }) => [name, horizon]), [["main", 0], ["side", 7]]);
});

Deno.test("Store.open() refuses history that ends before its horizon, and verifyStore() names what is missing", async () => {
  const disk = new SimDisk();
  {
    await using store = await openOn(disk);
    await store.timeline().append([{ key: "k", value: "v" }], { lsn: 7 });
  }
  const store = await openStore(path, { ...options, ioEngine: new SimEngine({ disk }) });
  const [main] = store.manifest.state.timelines;
  await store.manifest.commit({ type: "horizon", id: main.id, lsn: 9 });
  await closeStore(store);
  const error = await assertRejects(() => openOn(disk), CorruptionError);
  assertStringIncludes(
    error.message,
    "expected records up to LSN 9: the manifest says that history below it",
  );
  const found = await Array.fromAsync(verifyStore(path, { ioEngine: new SimEngine({ disk }) }));
  assertEquals(found.map(({ lsns }) => lsns), [{ first: 8, last: 9 }]);
});
