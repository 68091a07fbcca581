/** Salvage: a new store has all that still reads of an old one, each version at its LSN, and the rest is named. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  Batch,
  CorruptionError,
  salvage,
  type SalvagedTimeline,
  Store,
  type Timeline,
  verifyStore,
} from "../../mod.ts";
import { crc32 } from "../../src/base/mod.ts";
import { decodeFooter } from "../../src/layer/mod.ts";
import { EncodedBatch } from "../../src/segment/mod.ts";
import { Random } from "../random.ts";
import { collect, patterned, seedOf } from "./bytes.ts";
import { copyDirectory, type Place, test, testEach } from "./matrix.ts";

const block = 4096;
const decoder = new TextDecoder();

/** Every version of a timeline, as `lsn key value`, but for those that stand at one of some LSNs. */
async function versionsOf(timeline: Timeline, without: readonly number[] = []): Promise<string[]> {
  const versions: string[] = [];
  for await (const { key } of timeline.scan({ keysOnly: true, deleted: true })) {
    for (const { lsn, value } of await collect(timeline.history(key))) {
      const shown = value === undefined ? "deleted" : `${value.length} bytes of sum ${crc32(value)}`;
      if (!without.includes(lsn)) versions.push(`${lsn} ${decoder.decode(key)} ${shown}`);
    }
  }
  return versions.sort();
}

/** Two timelines: sealed layers and a segment that is not; batches of several sizes, gaps in LSNs, deletions, marks. */
async function fill(store: Store): Promise<void> {
  const random = new Random(11), main = store.timeline(), other = await store.createTimeline("other");
  for (let i = 1; i <= 60; i++) {
    const batch = new Batch();
    for (let n = random.below(12); n >= 0; n--) {
      const key = `k${(i + n * 3) % 40}`;
      if (random.below(6) === 0) batch.delete(key);
      else batch.put(key, patterned(random.below(900), i * 13 + n));
    }
    await main.append(batch, { lsn: i * 3 });
    if (i % 7 === 0) await main.append([]);
    if (i === 20 || i === 40) await main.freeze();
    if (i > 40 && i % 3 === 0) await main.sync();
    await other.append([{ key: "o", value: `${i}` }]);
  }
  await store.timeline().sync();
  await other.sync();
}

/** The old store as it was filled, every version of it, and a copy to be damaged. */
class Old {
  readonly place: Place;
  readonly versions: { main: string[]; other: string[] };

  private constructor(place: Place, versions: Old["versions"]) {
    this.place = place;
    this.versions = versions;
  }

  static async make(place: Place): Promise<Old> {
    const store = await Store.open(`${place.path}/old`);
    await fill(store);
    const versions = {
      main: await versionsOf(store.timeline()),
      other: await versionsOf(store.timeline("other")),
    };
    await store.close();
    return new Old(place, versions);
  }

  files(pattern: RegExp): string[] {
    return this.place.within("old").files(pattern);
  }

  /** The segments of main, in order. */
  get segments(): string[] {
    const byFolder = Map.groupBy(this.files(/\.seg$/), (path) => path.split("/").at(-2));
    return [...byFolder.values()].find(({ length }) => length > 1) ?? [];
  }

  change(path: string, change: (bytes: Uint8Array<ArrayBuffer>) => void): void {
    const bytes = Deno.readFileSync(path);
    change(bytes);
    Deno.writeFileSync(path, bytes);
  }

  /** Salvages, and returns what came of each timeline and what the new store has. */
  async salvaged(
    options: { incomplete?: "keep" | "drop" } = {},
    without: readonly number[] = [],
  ): Promise<{ timelines: readonly SalvagedTimeline[]; versions: string[][]; hasManifest: boolean }> {
    const before = this.files(/./).map((path) => Deno.readFileSync(path));
    const path = `${this.place.path}/new`;
    const { timelines, hasManifest } = await salvage(`${this.place.path}/old`, path, options);
    assertEquals(
      this.files(/./).map((path) => Deno.readFileSync(path)),
      before,
      "the old store stays as it is",
    );
    const store = await Store.open(path), versions: string[][] = [];
    for (const { name } of timelines) {
      versions.push(await versionsOf(store.timeline(name), name === "main" ? without : []));
    }
    assertEquals(await Array.fromAsync(store.verify()), []);
    await store.close();
    Deno.removeSync(path, { recursive: true });
    return { timelines, versions, hasManifest };
  }
}

testEach("salvage() copies a whole store, every version at its LSN", async (place, { ioMode, ioEngine }) => {
  const old = await Old.make(place);
  const { timelines } = await salvage(`${place.path}/old`, `${place.path}/new`, { ioMode, ioEngine });
  assertEquals(
    timelines.map((
      { name, batches, firstLsn, lastLsn, lostCount, incompleteCount, repeated },
    ) => [name, batches, firstLsn, lastLsn, lostCount, incompleteCount, repeated]),
    [["main", 68, 3, 180, 0, 0, 0], ["other", 60, 1, 60, 0, 0, 0]],
  );
  const store = await place.within("new").open();
  assertEquals(await versionsOf(store.timeline()), old.versions.main);
  assertEquals(await versionsOf(store.timeline("other")), old.versions.other);
  assertEquals(store.timeline().lastLsn, 180);
  await store.close();
});

test("salvage() needs no manifest: ids stand for names", async (place) => {
  const old = await Old.make(place);
  const ids = [...new Set(old.files(/\.seg$/).map((path) => path.split("/").at(-2) as string))].sort();
  for (const path of old.files(/manifest-/)) Deno.removeSync(path);
  const { timelines, versions, hasManifest } = await old.salvaged();
  assertEquals(hasManifest, false);
  assertEquals(timelines.map(({ name, lostCount }) => [name, lostCount]).sort(), ids.map((id) => [id, 0]));
  assertEquals(versions.sort(), [old.versions.main, old.versions.other].sort());
});

test("salvage() needs no index and no footer", async (place) => {
  const old = await Old.make(place), [layer] = old.segments;
  const { valuesEnd } = decodeFooter(Deno.readFileSync(layer).slice(-block)) ?? { valuesEnd: 0 };
  old.change(layer, (bytes) => bytes.fill(0x5a, valuesEnd));
  for (const path of [undefined, ...old.files(/manifest-/)]) {
    if (path !== undefined) Deno.removeSync(path);
    const { timelines, versions } = await old.salvaged();
    assertEquals(timelines.map(({ lostCount }) => lostCount), [0, 0]);
    assert(versions.some((found) => `${found}` === `${old.versions.main}`));
  }
});

test("salvage() learns from pads whose a file is that has neither manifest, header nor footer", async (place) => {
  const old = await Old.make(place), { segments } = old;
  for (const path of old.files(/manifest-/)) Deno.removeSync(path);
  for (const segment of segments) {
    old.change(segment, (bytes) => {
      bytes.fill(0, 0, block);
      bytes.fill(0x5a, decodeFooter(bytes.slice(-block))?.valuesEnd ?? bytes.length);
    });
  }
  const { timelines, versions } = await old.salvaged();
  assertEquals(timelines.map(({ lostCount }) => lostCount), [0, 0]);
  assert(versions.some((found) => `${found}` === `${old.versions.main}`));
  const [first] = segments;
  old.change(first, (bytes) => bytes.fill(0, block));
  const main = (await old.salvaged()).timelines.find(({ lostCount }) => lostCount > 0);
  assertEquals(main?.lost.map(({ path, error }) => [path, (error as CorruptionError).expected]), [
    [first, "a header of this file, or a pad"],
  ]);
});

/** Where records stand in a segment: offset, length and LSN. */
function recordsOf(path: string): { offset: number; length: number; lsn: number }[] {
  const bytes = Deno.readFileSync(path), view = new DataView(bytes.buffer), records = [];
  for (let at = block; at + 20 <= bytes.length && bytes[at + 4] >= 1 && bytes[at + 4] <= 5;) {
    const length = 20 + view.getUint16(at + 6, true) + view.getUint32(at + 8, true);
    if (bytes[at + 4] < 4) records.push({ offset: at, length, lsn: view.getUint32(at + 12, true) });
    at += length;
  }
  return records;
}

test("salvage() loses the record that is damaged and no other, and names its batch", async (place) => {
  const old = await Old.make(place);
  for (const segment of [old.segments[0], old.segments[2]]) {
    const records = recordsOf(segment), bytes = Deno.readFileSync(segment);
    // A record in the midst of a batch of several.
    const at = records.findIndex(({ lsn }, i) =>
      i > 9 && records[i - 1].lsn === lsn && records[i + 1].lsn === lsn
    );
    const { offset, length, lsn } = records[at];
    for (const place of [0, 7, 15, length - 1]) {
      old.change(segment, (bytes) => bytes[offset + place] ^= 0x11);
      const kept = await old.salvaged({}, [lsn]);
      const [main] = kept.timelines;
      assertEquals(main.lost.map(({ path, offset, length, lsns }) => ({ path, offset, length, lsns })), [
        { path: segment, offset, length, lsns: { first: lsn, last: lsn } },
      ], `byte ${place} of the record`);
      assertEquals(main.incomplete, [lsn]);
      const others = old.versions.main.filter((version) => !version.startsWith(`${lsn} `));
      assertEquals(kept.versions, [others, old.versions.other]);
      if (place === 0) {
        const dropped = await old.salvaged({ incomplete: "drop" });
        assertEquals([dropped.timelines[0].incomplete, dropped.timelines[0].batches], [
          [lsn],
          main.batches - 1,
        ]);
        assertEquals(dropped.versions, [others, old.versions.other]);
      }
      Deno.writeFileSync(segment, bytes);
    }
  }
});

test("salvage() loses nothing with a pad that is damaged, and verify() says that it was one", async (place) => {
  const store = await place.open();
  for (let i = 1; i <= 4; i++) {
    await store.timeline().append([{ key: `k${i}`, value: patterned(100, i) }], { sync: true });
  }
  await place.close(store);
  const [segment] = place.files(/\.seg$/), whole = Deno.readFileSync(segment);
  const next = 2 * block, from = whole.subarray(0, next).findLastIndex((byte) => byte !== 0) - 60;
  for (const at of [next - 1, next - 100]) {
    const damaged = whole.slice();
    damaged[at] ^= 4;
    Deno.writeFileSync(segment, damaged);
    const findings = await Array.fromAsync(verifyStore(place.path));
    assertEquals(findings.map(({ error, lsns }) => [(error as CorruptionError).expected, lsns]), [[
      "a pad",
      undefined,
    ]]);
    const { offset, length } = findings[0];
    assert(offset! > from && offset! + length! === next, `${offset} ${length}`);
    const report = await salvage(place.path, `${place.path}_${at}`);
    const [{ batches, lost, incomplete }] = report.timelines;
    assertEquals([batches, lost, incomplete], [4, [], []]);
    await Deno.remove(`${place.path}_${at}`, { recursive: true });
  }
});

test("salvage() names both batches between which it lost a record", async (place) => {
  const old = await Old.make(place), [, segment] = old.segments, records = recordsOf(segment);
  const last = records.findIndex(({ lsn }, i) => i > 20 && records[i + 1].lsn > lsn);
  for (const at of [last, last + 1]) {
    const bytes = Deno.readFileSync(segment);
    old.change(segment, (bytes) => bytes[records[at].offset + 1] ^= 1);
    const { timelines: [main] } = await old.salvaged();
    const next = records[at + 1].lsn;
    assertEquals(main.incomplete, at === last ? [records[last].lsn, next] : [next]);
    Deno.writeFileSync(segment, bytes);
  }
});

test("salvage() takes nothing for a record that lies in the value of a damaged one, where the index reads", async (place) => {
  const store = await place.within("old").openInOneSecond();
  const timeline = store.timeline();
  await timeline.append([{ key: "first", value: "1" }], { sync: true });
  const [layer] = place.within("old").files(/\.seg$/), inner = new EncodedBatch();
  inner.put("inner", "1");
  inner.stamp(3, seedOf(Deno.readFileSync(layer)));
  const value = new Uint8Array([
    ...patterned(50, 1),
    ...inner.bytes.subarray(0, inner.end),
    ...patterned(50, 2),
  ]);
  await timeline.append([{ key: "outer", value }]);
  await timeline.append([{ key: "after", value: "2" }], { lsn: 4 });
  await timeline.freeze();
  await store.close();
  const bytes = Deno.readFileSync(layer);
  // The length of the record.
  bytes[2 * block + 9] ^= 7;
  Deno.writeFileSync(layer, bytes);
  const { timelines: [{ records, lost }] } = await salvage(`${place.path}/old`, `${place.path}/new`);
  assertEquals([records, lost[0].offset, lost[0].length], [2, 2 * block, 25 + value.length]);
});

test("salvage() names files that are gone, and goes on with the others", async (place) => {
  const old = await Old.make(place), [first, second] = old.segments;
  Deno.removeSync(second);
  const { timelines: [main], versions } = await old.salvaged();
  assertEquals(main.lost.map(({ path, length, lsns }) => ({ path, length, lsns })), [
    { path: second, length: undefined, lsns: { first: 63, last: 120 } },
  ]);
  const isLeft = (version: string) => parseInt(version) <= 61 || parseInt(version) > 120;
  assertEquals(versions[0], old.versions.main.filter(isLeft));
  assert(first < second);
});

test("salvage() misses the batches of a file that was cut between two of them, sealed or not", async (place) => {
  const old = await Old.make(place);
  for (const segment of [old.segments[0], old.segments[2]]) {
    const records = recordsOf(segment), bytes = Deno.readFileSync(segment);
    const firsts = records.filter(({ lsn }, i) => i > 0 && records[i - 1].lsn !== lsn);
    // In the midst, and so that only the last batch is missing.
    for (const { offset, lsn } of [firsts[firsts.length >> 1], firsts.at(-1) as typeof firsts[0]]) {
      Deno.truncateSync(segment, offset);
      const { timelines: [{ lost, incomplete }], versions } = await old.salvaged();
      const { first = 0, last } = lost[0]?.lsns ?? {};
      assertEquals([lost.length, lost[0]?.path, lost[0]?.offset], [1, segment, offset], `cut at ${offset}`);
      assert(first <= lsn && last === records.at(-1)?.lsn, `LSNs ${first} to ${last}`);
      assertEquals(incomplete, []);
      const isLeft = (version: string) => parseInt(version) < lsn || parseInt(version) > (last as number);
      assertEquals(versions[0], old.versions.main.filter(isLeft));
      Deno.writeFileSync(segment, bytes);
    }
    Deno.writeTextFileSync(segment, "text");
    const { timelines: [{ lost }] } = await old.salvaged();
    assertEquals(lost.map(({ path, lsns }) => [path, lsns?.last]), [[segment, records.at(-1)?.lsn]]);
    Deno.writeFileSync(segment, bytes);
  }
});

test("salvage() leaves out what a crash left behind the end of a segment", async (place) => {
  const store = await place.within("old").open({ segmentBytes: 1024 * 1024 });
  const timeline = store.timeline();
  await timeline.append([{ key: "a", value: "1" }], { sync: true });
  const batch = new Batch();
  for (let i = 0; i < 100; i++) batch.put(`b${i}`, patterned(100, i));
  await timeline.append(batch);
  await timeline.sync();
  copyDirectory(`${place.path}/old`, `${place.path}/crashed`);
  await store.close();
  const [segment] = place.within("crashed").files(/\.seg$/);
  const bytes = Deno.readFileSync(segment);
  // Half of the second batch was written, and its pad was not.
  bytes.fill(0, 2 * block + 6000);
  Deno.writeFileSync(segment, bytes);
  const { timelines: [main] } = await salvage(`${place.path}/crashed`, `${place.path}/new`);
  assertEquals([main.batches, main.records, main.lostCount, main.incompleteCount], [1, 1, 0, 0]);
});

test("salvage() takes the batch of the file that was made last where two have one LSN", async (place) => {
  const old = await Old.make(place), segment = old.segments.at(-1) as string;
  const copy = segment.replace(/-0000000(.)-/, "-00000008-");
  Deno.copyFileSync(segment, copy);
  old.change(segment, (bytes) => bytes[recordsOf(segment)[0].offset + 30] ^= 1);
  for (const path of old.files(/manifest-/)) Deno.removeSync(path);
  const { timelines, versions } = await old.salvaged();
  assert(versions.some((found) => `${found}` === `${old.versions.main}`));
  assert(timelines.some(({ repeated }) => repeated > 15));
});

test("salvage() refuses what it must not write to, and stops at its signal", async (place) => {
  await Old.make(place);
  const from = `${place.path}/old`, to = `${place.path}/new`;
  await assertRejects(() => salvage(from, from), Deno.errors.AlreadyExists, "it is not empty");
  await assertRejects(() => salvage(from, `${from}/new`), RangeError, "it lies within");
  await assertRejects(() => salvage(from, to, { incomplete: "maybe" as "keep" }), RangeError);
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => salvage(from, to, { signal }), Error, "enough");
  const steps: number[] = [];
  Deno.removeSync(to, { recursive: true });
  await salvage(from, to, { progress: ({ bytes }) => steps.push(bytes) });
  assert(steps.length > 2 && steps.every((bytes, i) => i === 0 || bytes >= steps[i - 1]));
});

for (const stranger of ["file", "link"] as const) {
  test(`a ${stranger} in the place of a timeline's directory costs that timeline alone`, async (place) => {
    const old = await Old.make(place), path = `${place.path}/old`;
    const lost = old.segments[0].slice(0, old.segments[0].lastIndexOf("/"));
    Deno.renameSync(lost, `${place.path}/moved`);
    if (stranger === "file") Deno.writeTextFileSync(lost, "no timeline", { mode: 0o600 });
    else Deno.symlinkSync(`${place.path}/moved`, lost);
    const verified = async () =>
      (await Array.fromAsync(verifyStore(path))).filter((f) => f.path.includes(lost));
    for (const names of [["main", "other"], undefined]) {
      if (names === undefined) { for (const manifest of old.files(/manifest-/)) Deno.removeSync(manifest); }
      const [finding, ...more] = await verified();
      assertInstanceOf(finding.error, CorruptionError);
      const { expected, found } = finding.error, { severity, path: at } = finding;
      assertEquals(
        [severity, at, expected, found, more],
        ["damage", lost, "a directory", "a file or a link", []],
      );
      const to = `${place.path}/new${names?.length}`, { timelines } = await salvage(path, to);
      const [broken, whole] = timelines.toSorted((a, b) => b.lostCount - a.lostCount);
      assertEquals([broken.batches, broken.lost.map(({ path }) => path)], [0, [lost]]);
      assertEquals([whole.batches, whole.lostCount], [60, 0]);
      await using store = await Store.open(to);
      assertEquals(await versionsOf(store.timeline(whole.name)), old.versions.other);
    }
  });
}

for (const stranger of ["file", "link"] as const) {
  test(`a ${stranger} that no manifest names and that is named as a timeline costs nothing`, async (place) => {
    const old = await Old.make(place), path = `${place.path}/old`, stray = `${path}/0003456789abcdef`;
    if (stranger === "file") Deno.writeTextFileSync(stray, "no timeline", { mode: 0o600 });
    else Deno.symlinkSync(old.segments[0].replace(/\/[^/]+$/, ""), stray);
    const found = await Array.fromAsync(verifyStore(path));
    assertEquals(found.map(({ severity, path }) => [severity, path]), [["warning", stray]]);
    const { timelines } = await salvage(path, `${place.path}/new`);
    assertEquals(timelines.map(({ name, lostCount }) => [name, lostCount]), [["main", 0], ["other", 0]]);
  });
}

test("salvage() makes the new store where a link leads to an empty directory", async (place) => {
  await Old.make(place);
  Deno.mkdirSync(`${place.path}/empty`);
  Deno.symlinkSync(`${place.path}/empty`, `${place.path}/link`);
  const { timelines } = await salvage(`${place.path}/old`, `${place.path}/link`);
  await using store = await Store.open(`${place.path}/empty`);
  assertEquals([store.timeline().lastLsn, timelines.length], [180, 2]);
  const error = await assertRejects(() => salvage(`${place.path}/old`, `${place.path}/link`));
  assertInstanceOf(error, Deno.errors.AlreadyExists);
});
