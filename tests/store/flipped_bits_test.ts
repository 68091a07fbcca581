/**
 * Any bit of a store that is flipped is found by a verification, and costs a salvage no more than the record or the
 * batches that it stood in; of what was merged, where a length is hit, what is left of its run.
 */

import { assert, assertEquals } from "@std/assert";
import { salvage, Store, type Timeline, verifyStore } from "../../mod.ts";
import { Random, seeds } from "../random.ts";
import { patterned } from "./bytes.ts";
import { type Place, test } from "./matrix.ts";

const lastLsn = 60;

/** Three layers, of which one has an index of several leaves, and a segment that was synced twice. */
async function fill(path: string): Promise<void> {
  await using store = await Store.open(path);
  const timeline = store.timeline();
  for (let lsn = 1; lsn <= lastLsn; lsn++) {
    const changes = Array.from({ length: lsn < 20 ? 40 : 3 }, (_, i) => ({
      key: `${"key".repeat(12)}/${lsn}/${i}`,
      value: patterned((lsn * 7 + i) % 90, lsn + i),
    }));
    await timeline.append(changes);
    if (lsn % 19 === 0) await timeline.freeze();
    if (lsn > lastLsn - 2) await timeline.sync();
  }
}

const horizon = 40, mergedKeys = 90;

/** The value of a key at an LSN; every seventeenth is too long to be in a run. */
function mergedValue(key: string, lsn: number): Uint8Array {
  return patterned(lsn % 17 === 0 ? 5000 : 60 + lsn, lsn + Number(key));
}

/** Layers that were merged into one whose slots lead to runs, without what was superseded below the horizon. */
async function fillMerged(path: string): Promise<{ versions: number; reads: string[] }> {
  await using store = await Store.open(path);
  const timeline = store.timeline();
  for (let lsn = 1; lsn <= lastLsn; lsn++) {
    const keys = Array.from({ length: 6 }, (_, i) => `${(lsn * 6 + i) * 7 % mergedKeys}`);
    await timeline.append(keys.map((key) => ({ key, value: mergedValue(key, lsn) })));
    if (lsn % 15 === 0) await timeline.freeze();
    if (lsn === 30) await timeline.compact();
  }
  await timeline.gc({ history: { lsns: lastLsn - horizon } });
  const [{ kind, versions }, ...others] = timeline.layers();
  assertEquals([kind, others.length], ["image", 0]);
  assert(versions < lastLsn * 6, "some versions are given up");
  return { versions, reads: await readsOf(timeline) };
}

/** What is read as of the horizon and of every LSN behind it. */
async function readsOf(timeline: Timeline): Promise<string[]> {
  const reads = new Set<string>();
  for (let lsn = horizon; lsn <= timeline.lastLsn; lsn++) {
    for await (const { key, value, lsn: at } of timeline.scan({}, { lsn })) {
      const name = new TextDecoder().decode(key);
      assertEquals(value, mergedValue(name, at as number));
      reads.add(`${name}@${at}`);
    }
  }
  return [...reads];
}

/** Flips a bit of a file while work is done. */
async function withFlipped<T>(path: string, offset: number, bit: number, work: () => Promise<T>): Promise<T> {
  const bytes = Deno.readFileSync(path), flipped = bytes.slice();
  flipped[offset] ^= 1 << bit;
  Deno.writeFileSync(path, flipped);
  try {
    return await work();
  } finally {
    Deno.writeFileSync(path, bytes);
  }
}

/** Where in a file bits are flipped: each of its blocks in turn, so that none is passed over. */
function* places(path: string, count: number, random: Random): Generator<{ offset: number; bit: number }> {
  const blocks = Math.ceil(Deno.statSync(path).size / 4096);
  for (let i = 0; i < count; i++) {
    yield { offset: i % blocks * 4096 + random.below(4096), bit: random.below(8) };
  }
}

/** Where the last frame of a manifest starts: it says that the store was closed, and reads as torn if it is damaged. */
function lastFrame(path: string): number {
  const last = Deno.readFileSync(path).findLastIndex((byte) => byte !== 0);
  return last - last % 4096;
}

async function salvaged(place: Place): Promise<{ missing: number; named: Set<number>; isTold: boolean }> {
  const to = `${place.path}/new`;
  const { timelines, hasManifest } = await salvage(`${place.path}/old`, to);
  Deno.removeSync(to, { recursive: true });
  const [{ records, lost, incomplete, lostCount }] = timelines, named = new Set<number>(incomplete);
  for (const { lsns } of lost) {
    for (let lsn = lsns?.first ?? 1; lsns && lsn <= lsns.last; lsn++) named.add(lsn);
  }
  return { missing: 19 * 40 + (lastLsn - 19) * 3 - records, named, isTold: lostCount > 0 || !hasManifest };
}

test("verifyStore() finds any bit that is flipped in a layer or a segment, and names the file", async (place) => {
  await fill(place.path);
  for (const seed of seeds("verify bits", 1)) {
    const random = new Random(seed);
    for (const path of place.files(/\.seg$/)) {
      for (const { offset, bit } of places(path, 30, random)) {
        const found = await withFlipped(path, offset, bit, () => Array.fromAsync(verifyStore(place.path)));
        assert(found.some((finding) => finding.path === path), `bit ${bit} of ${path} at ${offset}`);
      }
    }
  }
});

test("verifyStore() finds any bit that is flipped in a manifest in front of its last frame", async (place) => {
  await fill(place.path);
  const manifest = place.files(/manifest-/).at(-1) as string, end = lastFrame(manifest);
  for (const seed of seeds("verify manifest bits", 1)) {
    const random = new Random(seed);
    for (let i = 0; i < 60; i++) {
      const offset = random.below(end), bit = random.below(8);
      const found = await withFlipped(manifest, offset, bit, () => Array.fromAsync(verifyStore(place.path)));
      assert(found.length > 0, `bit ${bit} at ${offset} of ${end}`);
    }
  }
});

test("salvage() loses at most one record to a bit that is flipped, and names its batch", async (place) => {
  await fill(`${place.path}/old`);
  for (const seed of seeds("salvage bits", 1)) {
    const random = new Random(seed);
    for (const path of place.within("old").files(/\.seg$|manifest-/)) {
      for (const { offset, bit } of places(path, 6, random)) {
        const { missing, named, isTold } = await withFlipped(path, offset, bit, () => salvaged(place));
        const where = `bit ${bit} of ${path} at ${offset}`;
        assert(missing === 0 || missing === 1, `${missing} records are missing after ${where}`);
        assertEquals(missing > 0 && !(isTold && named.size > 0), false, `nothing is told of ${where}`);
        assert(named.size <= 2, `${[...named]} are named after ${where}`);
      }
    }
  }
});

test("verifyStore() finds any bit that is flipped in a layer that was merged below a horizon", async (place) => {
  await fillMerged(place.path);
  assertEquals(await Array.fromAsync(verifyStore(place.path)), []);
  const [path] = place.files(/\.image$/);
  for (const seed of seeds("verify merged bits", 1)) {
    for (const { offset, bit } of places(path, 40, new Random(seed))) {
      const found = await withFlipped(path, offset, bit, () => Array.fromAsync(verifyStore(place.path)));
      assert(found.some((finding) => finding.path === path), `bit ${bit} of ${path} at ${offset}`);
    }
  }
});

test("salvage() of what was merged below a horizon loses a record to a bit that is flipped, or what is left of a run, and names it", async (place) => {
  const old = place.within("old"), { versions, reads } = await fillMerged(old.path), to = `${place.path}/new`;
  const [path] = old.files(/\.image$/);
  for (const seed of seeds("salvage merged bits", 1)) {
    for (const { offset, bit } of places(path, 20, new Random(seed))) {
      const where = `bit ${bit} of ${path} at ${offset}`;
      const { timelines: [{ records, lost }] } = await withFlipped(
        path,
        offset,
        bit,
        () => salvage(old.path, to),
      );
      const missing = versions - records, [gap] = lost;
      assert(missing === 0 || lost.length === 1, `nothing is told of ${where}`);
      // Where a length is hit, the next record that is known to stand where it does begins the next run.
      assert(missing < 2 || gap.length! <= 4080, `${missing} records of ${gap?.length} bytes after ${where}`);
      await using store = await Store.open(to);
      assertEquals(store.timelines()[0].horizon, horizon);
      const found = new Set(await readsOf(store.timeline()));
      // In place of the version that is lost an older one may be read.
      const unread = reads.filter((read) => !found.has(read)).map((read) => Number(read.split("@")[1]));
      assert(unread.length <= missing, `${unread.length} versions are not read after ${where}`);
      for (const lsn of unread) {
        assert(gap.lsns!.first <= lsn && lsn <= gap.lsns!.last, `${lsn} after ${where}`);
      }
      await store.close();
      Deno.removeSync(to, { recursive: true });
    }
  }
});
