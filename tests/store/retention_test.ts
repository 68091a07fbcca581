/** History that is given up: what is read as of the horizon and later is what a model says that gives nothing up. */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  Batch,
  type LayerInfo,
  LsnError,
  ReadOnlyError,
  salvage,
  type Store,
  type StoreOptions,
  type Timeline,
} from "../../mod.ts";
import { systemHost } from "../../src/io/mod.ts";
import { openStoreOn } from "../../src/store/mod.ts";
import { SimDisk, SimEngine } from "../../src/sim/mod.ts";
import { Random, seeds } from "../random.ts";
import { patterned, sameBytes } from "./bytes.ts";
import { Place } from "./matrix.ts";
import { Model, type ModelChange } from "./model.ts";

const KiB = 1024, MiB = 1024 * KiB;
const path = "/store", epoch = Date.UTC(2026, 0, 1);
const encoder = new TextEncoder();

/** A store in memory, and a clock that is set by hand. */
class Kept {
  readonly disk: SimDisk;
  readonly model = new Model();
  /** When each batch was appended. */
  readonly appended: { lsn: number; milliseconds: number }[] = [];
  clock = epoch;
  store!: Store;

  constructor(disk: SimDisk = new SimDisk(["/"])) {
    this.disk = disk;
  }

  async open(options: StoreOptions = {}): Promise<this> {
    const engine = new SimEngine({ disk: this.disk }), host = systemHost(engine);
    const clock = { now: () => this.clock, monotonic: () => host.clock.monotonic() };
    this.store = await openStoreOn({ ...host, clock }, path, { segmentBytes: 64 * KiB, ...options });
    return this;
  }

  get timeline(): Timeline {
    return this.store.timeline();
  }

  get horizon(): number {
    return this.store.timelines()[0].horizon;
  }

  async append(changes: readonly ModelChange[], lsn?: number): Promise<number> {
    const given = changes.map(({ key, value }) =>
      value === undefined ? { key, delete: true as const } : { key, value }
    );
    const at = await this.timeline.append(given, { lsn });
    this.model.append(at, changes);
    this.appended.push({ lsn: at, milliseconds: this.clock });
    return at;
  }

  async reopen(options: StoreOptions = {}): Promise<void> {
    await this.store.close();
    await this.open(options);
  }

  /** Checks reads as of LSNs from the horizon on, and that there are none below it. */
  async assertReads(keys: readonly Uint8Array[], random: Random): Promise<void> {
    const { horizon } = this;
    await this.#assertReads(keys, random, horizon).catch(async (error) => {
      // A layer that was sealed meanwhile has moved it.
      if (this.horizon === horizon) throw error;
      await this.assertReads(keys, random);
    });
  }

  async #assertReads(keys: readonly Uint8Array[], random: Random, horizon: number): Promise<void> {
    const { timeline, model } = this, { lastLsn } = timeline;
    for (
      const lsn of [horizon, lastLsn, random.from(horizon, lastLsn), random.from(horizon, lastLsn)]
    ) {
      const values = await timeline.getMany(keys, { lsn });
      for (const [i, key] of keys.entries()) {
        assert(
          sameBytes(values[i], model.at(key, lsn)?.value),
          `${key.toHex()} as of ${lsn}, horizon ${horizon}`,
        );
      }
      const scanned = await Array.fromAsync(timeline.scan({}, { lsn }));
      assertEquals(
        scanned.map(({ key, lsn }) => [key.toHex(), lsn]),
        model.scan({}, lsn).map(({ key, version }) => {
          return [key.toHex(), version.lsn];
        }),
      );
      assertEquals(await timeline.count({}, { lsn }), scanned.length);
    }
    const key = random.pick(keys), found = await Array.fromAsync(timeline.history(key));
    assertEquals(
      found.map(({ lsn }) => lsn),
      model.history(key, Math.max(1, horizon), lastLsn).map(({ lsn }) => lsn),
    );
    if (horizon > 0) await this.assertRefused(random.below(horizon));
  }

  /** Checks that nothing is read as of an LSN below the horizon. */
  async assertRefused(lsn: number): Promise<void> {
    const { timeline } = this;
    const error = await assertRejects(() => timeline.get("a", { lsn }), LsnError, "it is below the horizon");
    assertEquals([error.lsn, error.horizon], [lsn, this.horizon]);
    await assertRejects(() => timeline.getEntry("a", { lsn }), LsnError);
    await assertRejects(() => timeline.getMany(["a"], { lsn }), LsnError);
    await assertRejects(() => timeline.count({}, { lsn }), LsnError);
    await assertRejects(() => timeline.explain(["a"], { lsn }), LsnError);
    assertThrows(() => timeline.getVectored(["a"], { lsn }), LsnError);
    assertThrows(() => timeline.scan({}, { lsn }), LsnError);
    assertThrows(() => timeline.snapshot(lsn), LsnError);
    assertThrows(() => timeline.history("a", { to: lsn }), LsnError);
    assertThrows(() => timeline.history("a", { from: lsn }), LsnError);
  }
}

const keys = ["a", "aa", "b", "c", "k".repeat(100)].map((key) => encoder.encode(key));

function changesOf(random: Random): ModelChange[] {
  return Array.from({ length: random.below(4) }, () => {
    const key = random.pick(keys);
    return {
      key,
      value: random.once(4)
        ? undefined
        : patterned(random.below(random.once(5) ? 9000 : 50), random.below(99)),
    };
  });
}

Deno.test("Timeline reads as of the horizon and later as if nothing was given up, through merges, gc and openings", async () => {
  let images = 0;
  for (const seed of seeds("retention", 30)) {
    const random = new Random(seed),
      t = await new Kept().open({ history: { lsns: random.pick([0, 3, 20]) } });
    const snapshots: { lsn: number; snapshot: ReturnType<Timeline["snapshot"]> }[] = [];
    for (let step = 0; step < 120; step++) {
      const die = random.below(40), horizon = t.horizon;
      t.clock += random.pick([0, 10, 3000, 1_000_000]);
      if (die < 28) {
        await t.append(
          changesOf(random),
          random.once(9) ? t.timeline.lastLsn + random.from(1, 9) : undefined,
        );
      } else if (die < 31) await t.timeline.freeze();
      else if (die < 33) {
        await t.timeline.compact();
        images += t.timeline.layers().filter(({ kind }) => kind === "image").length;
      } else if (die < 36) await t.timeline.gc();
      else if (die < 37) {
        for (const { snapshot } of snapshots.splice(0)) snapshot[Symbol.dispose]();
        await t.reopen({
          history: random.pick(["all", { lsns: random.below(30) }, { milliseconds: random.below(1e6) }]),
        });
      } else if (die < 38) {
        const lsn = random.from(t.horizon, t.timeline.lastLsn);
        snapshots.push({ lsn, snapshot: t.timeline.snapshot(lsn) });
      } else await t.assertReads(keys, random);
      assert(t.horizon >= horizon, "never back");
      assert(t.horizon <= t.timeline.durableLsn, "never beyond what is durable");
    }
    for (const { lsn, snapshot } of snapshots) {
      const values = await snapshot.getMany(keys);
      keys.forEach((key, i) => assert(sameBytes(values[i], t.model.at(key, lsn)?.value), `held at ${lsn}`));
      snapshot[Symbol.dispose]();
    }
    await t.timeline.gc();
    await t.assertReads(keys, random);
    assertEquals(await Array.fromAsync(t.store.verify()), []);
    await t.store.close();
    await t.open({ readOnly: true });
    await t.assertReads(keys, random);
    await t.store.close();
  }
  assert(images > 0, "some of it lies in images");
});

Deno.test("Timeline.gc() tells what would go and changes nothing, then gives it up, then finds nothing more", async () => {
  const t = await new Kept().open();
  for (let i = 0; i < 200; i++) await t.append([{ key: keys[i % 2], value: patterned(2000, i) }]);
  const before = JSON.stringify(t.timeline.layers());
  const dry = await t.timeline.gc({ dryRun: true, history: { lsns: 10 } });
  assertEquals([dry.dryRun, dry.horizonBefore, dry.inputLayers], [true, 0, 0]);
  assert(dry.horizonAfter <= t.timeline.durableLsn);
  assertEquals([t.horizon, JSON.stringify(t.timeline.layers())], [0, before]);
  await t.timeline.sync();
  const synced = await t.timeline.gc({ dryRun: true, history: { lsns: 10 } });
  assertEquals([synced.horizonAfter, t.horizon], [190, 0]);
  assert(synced.estimatedBytes > 150_000 && synced.estimatedLayers >= 4, JSON.stringify(synced));
  const done = await t.timeline.gc({ history: { lsns: 10 } });
  assertEquals([done.horizonBefore, done.horizonAfter, done.stays], [0, 190, []]);
  assert(done.inputBytes - done.outputBytes > 300_000, JSON.stringify(done));
  const size = t.timeline.layers().reduce((sum, { byteLength }) => sum + byteLength, 0);
  assert(size < 20 * 2000 * 2, `${size} bytes`);
  const again = await t.timeline.gc();
  assertEquals([again.inputLayers, again.estimatedBytes, again.stays], [0, 0, [{ reason: "history: all" }]]);
  await t.assertReads(keys, new Random(1));
  await t.store.close();
});

Deno.test("Timeline.gc() does nothing where all history is kept", async () => {
  const t = await new Kept().open();
  await t.append([{ key: keys[0], value: patterned(10, 1) }]);
  const { stays, inputLayers, horizonAfter } = await t.timeline.gc();
  assertEquals([stays, inputLayers, horizonAfter], [[{ reason: "history: all" }], 0, 0]);
  assertEquals(t.timeline.layers().map(({ kind }) => kind), ["open"]);
  await t.store.close();
});

Deno.test("Timeline.gc() keeps what a snapshot may read until it is disposed of, and says so", async () => {
  const t = await new Kept().open(), history = { lsns: 0 };
  for (let i = 0; i < 100; i++) await t.append([{ key: keys[0], value: patterned(2000, i) }]);
  await t.timeline.freeze();
  const lsn = 60, snapshot = t.timeline.snapshot(lsn);
  const { stays: [stay], horizonAfter } = await t.timeline.gc({ history });
  assertEquals(horizonAfter, 100);
  assert(
    stay.reason === "view" && stay.lsn === lsn && stay.layers > 1 && stay.bytes > 100_000 &&
      stay.milliseconds >= 0,
  );
  assert(sameBytes(await snapshot.get(keys[0]), patterned(2000, lsn - 1)));
  await t.assertRefused(lsn);
  snapshot[Symbol.dispose]();
  assertEquals((await t.timeline.gc({ history })).stays, []);
  await t.store.close();
});

Deno.test("Timeline.gc() forgets keys that were deleted below the horizon", async () => {
  const t = await new Kept().open({ history: { lsns: 0 } });
  for (const key of keys) await t.append([{ key, value: patterned(100, 1) }]);
  for (const key of keys) await t.append([{ key, value: undefined }]);
  await t.append([]);
  await t.timeline.gc();
  assertEquals(t.timeline.layers().map(({ versions, lastLsn }) => [versions, lastLsn]), [[0, 11]]);
  assertEquals(await Array.fromAsync(t.timeline.scan({ keysOnly: true, deleted: true })), []);
  await t.reopen();
  assertEquals(t.timeline.lastLsn, 11);
  await t.store.close();
});

Deno.test("Timeline.gc() keeps what was appended a given time ago, whatever way the clock goes", async () => {
  const t = await new Kept().open({ history: { milliseconds: 60_000 } });
  for (let i = 1; i <= 100; i++) {
    t.clock += 10_000;
    await t.append([{ key: keys[0], value: patterned(10, i) }]);
  }
  // What was appended a minute ago to the millisecond counts as appended by the second after.
  assertEquals((await t.timeline.gc()).horizonAfter, 93);
  t.clock -= 3_600_000;
  await t.append([{ key: keys[0], value: patterned(10, 101) }]);
  assertEquals((await t.timeline.gc()).horizonAfter, 93);
  t.clock += 3_600_000 + 30_000;
  assertEquals((await t.timeline.gc()).horizonAfter, 96);
  await t.store.close();
});

Deno.test("Upkeep by itself leaves little but what is live of a data set that was overwritten many times", async () => {
  const keyCount = 12_000, valueBytes = 100, recordBytes = 18 + 8 + valueBytes;
  const random = new Random(5), history = { lsns: 8 };
  const t = await new Kept().open({ segmentBytes: 256 * KiB, history }), { timeline } = t;
  const last = new Float64Array(keyCount), batch = new Batch(), key = new Uint8Array(8);
  for (let written = 0; written < keyCount * 7;) {
    batch.clear();
    for (let i = 0; i < 64; i++, written++) {
      const number = written < keyCount ? written : random.below(keyCount);
      new DataView(key.buffer).setUint32(4, number);
      batch.put(key, patterned(valueBytes, number));
      last[number] = written + 1;
    }
    await timeline.append(batch);
  }
  await timeline.freeze();
  while (t.store.metrics().upkeep.main.state !== "idle") await new Promise((turn) => setTimeout(turn, 1));
  assert(last.every((written) => written > 0));
  const layers = timeline.layers(),
    sum = (of: (layer: LayerInfo) => number) => layers.reduce((all, layer) => all + of(layer), 0);
  // Of each key one version, and what is not older than the horizon.
  const most = keyCount + (timeline.lastLsn - t.horizon) * 64;
  const versions = sum((layer) => layer.versions), bytes = sum(({ byteLength }) => byteLength);
  assert(versions >= keyCount && versions <= most * 1.1, `${versions} versions for ${most}`);
  assert(bytes < most * recordBytes * 1.3, `${bytes} bytes for ${most * recordBytes}`);
  assertEquals(await timeline.count(), keyCount);
  await t.store.close();
});

Deno.test("Timeline.gc() of a data set that was overwritten many times comes to little more than what is live", async () => {
  const random = new Random(7), count = 2048, place = await Place.make();
  await using _ = place;
  const store = await place.open({ segmentBytes: MiB, history: { lsns: 8 } }), timeline = store.timeline();
  const live = new Map<string, Uint8Array>();
  for (let batch = 0; batch < 640; batch++) {
    const changes = Array.from({ length: 32 }, () => {
      const key = `key ${random.below(count)}`, value = random.bytes(4096);
      live.set(key, value);
      return { key, value };
    });
    await timeline.append(changes);
  }
  await timeline.gc();
  const size = timeline.layers().reduce((sum, { byteLength }) => sum + byteLength, 0),
    liveBytes = live.size * 4096;
  assert(liveBytes > 7 * MiB && size < 1.3 * liveBytes, `${size} bytes for ${liveBytes}`);
  assertEquals(
    place.files(/\.(seg|delta|image)$/).reduce((sum, path) => sum + Deno.statSync(path).size, 0),
    size,
  );
  for (const [key, value] of live) assert(sameBytes(await timeline.get(key), value));
  await store.close();
});

Deno.test("Timeline.gc() rejects options and stores that do not fit", async () => {
  const t = await new Kept().open();
  await assertRejects(() => t.timeline.gc({ dry: true } as never), TypeError, 'unknown option "dry"');
  await assertRejects(() => t.timeline.gc({ history: {} }), TypeError, '"lsns" or "milliseconds"');
  await t.append([]);
  await t.store.close();
  await t.open({ readOnly: true });
  await assertRejects(() => t.timeline.gc({ dryRun: true }), ReadOnlyError);
  await t.store.close();
});

Deno.test("Store.open() checks how much history is kept", async () => {
  const wrong = [
    [null, TypeError],
    ["none", TypeError],
    [{ lsns: -1 }, RangeError],
    [{ lsns: 1.5 }, RangeError],
    [
      { milliseconds: "1" },
      TypeError,
    ],
    [{}, TypeError],
    [{ days: 1 }, TypeError],
  ] as const;
  for (const [history, type] of wrong) {
    const error = await new Kept().open({ history: history as never }).catch((error: unknown) => error);
    assertInstanceOf(error, type, JSON.stringify(history));
  }
});

/** Batches at odd times, with quiet hours between them. */
async function withTimes(t: Kept, random: Random, batches: number): Promise<void> {
  for (let i = 0; i < batches; i++) {
    t.clock += random.pick([0, 1, 300, 999, 1000, 7_500, 3_600_000]);
    await t.append([{ key: keys[0], value: patterned(random.once(8) ? 9000 : 5, i) }]);
    if (random.once(20)) await t.timeline.freeze();
  }
}

/** Checks dates of all batches, to the second. */
function assertDates({ timeline, appended, clock }: Kept): void {
  for (const [i, { lsn, milliseconds }] of appended.entries()) {
    const date = timeline.dateOf(lsn).getTime();
    assert(date > milliseconds && date <= milliseconds + 1000, `LSN ${lsn}: ${date} for ${milliseconds}`);
    assert(timeline.lsnAt(date) >= lsn);
    const next = appended[i + 1]?.milliseconds ?? Infinity;
    if (next >= milliseconds + 1000) assertEquals(timeline.lsnAt(milliseconds + 1000), lsn);
    assert(timeline.lsnAt(milliseconds - 1) < lsn);
  }
  assertEquals([timeline.lsnAt(epoch - 1), timeline.lsnAt(new Date(clock)), timeline.lsnAt(Infinity)], [
    0,
    timeline.lastLsn,
    timeline.lastLsn,
  ]);
}

Deno.test("Timeline.lsnAt() and dateOf() know all batches to the second, in memory, sealed, merged and opened again", async () => {
  const random = new Random(3), t = await new Kept().open();
  // So few seconds ago that no time is thinned.
  await withTimes(t, new Random(4), 60);
  for (const { milliseconds } of t.appended) assert(t.clock - milliseconds < 3_600_000 * 60);
  const recent = t.appended.filter(({ milliseconds }) => t.clock - milliseconds < 8_000_000);
  t.appended.splice(0, t.appended.length, ...recent);
  assertEquals(t.timeline.lsnAt(epoch - 1), 0);
  for (const step of ["open", "sealed", "merged", "closed", "killed", "read only"]) {
    if (step === "sealed") await t.timeline.freeze();
    if (step === "merged") await t.timeline.compact();
    if (step === "closed") await t.reopen();
    if (step === "killed") {
      t.clock += 5000;
      await t.append([{ key: keys[1], value: patterned(10, random.below(9)) }]);
      await t.timeline.sync();
      const left = new Kept(t.disk.clone());
      left.clock = t.clock;
      left.appended.push(...t.appended);
      assertDates(await left.open());
      await left.store.close();
    }
    if (step === "read only") await t.reopen({ readOnly: true });
    assertDates(t);
  }
  await t.store.close();
});

Deno.test("Timeline.lsnAt() goes by the highest time that the clock showed", async () => {
  const t = await new Kept().open();
  for (const jump of [0, 5000, -4000, 100_000, -200_000, 1000]) {
    t.clock += jump;
    await t.append([{ key: keys[0], value: patterned(5, jump) }]);
  }
  const dates = [1, 2, 3, 4, 5, 6].map((lsn) => (t.timeline.dateOf(lsn).getTime() - epoch) / 1000);
  assertEquals(dates, [1, 6, 6, 102, 102, 102]);
  await t.reopen();
  await t.append([{ key: keys[0], value: patterned(5, 7) }]);
  assertEquals((t.timeline.dateOf(7).getTime() - epoch) / 1000, 102);
  assertEquals([0, 1, 5, 6, 101].map((second) => t.timeline.lsnAt(epoch + second * 1000)), [7, 7, 7, 7, 7]);
  t.clock = epoch + 200_000;
  assertEquals([0, 1, 5, 6, 101, 102].map((second) => t.timeline.lsnAt(epoch + second * 1000)), [
    0,
    1,
    1,
    3,
    3,
    7,
  ]);
  for (const clock of [NaN, -5, Infinity, 2 ** 60]) {
    t.clock = clock;
    await t.append([]);
  }
  assert(t.timeline.dateOf(11).getTime() > epoch);
  await t.reopen();
  assertEquals(t.timeline.lastLsn, 11);
  await t.store.close();
});

Deno.test("Timeline.lsnAt() and dateOf() refuse what is no date, and LSNs that are not there", async () => {
  const t = await new Kept().open();
  await t.append([]);
  for (const wrong of ["2026-01-01", undefined, {}]) {
    assertThrows(() => t.timeline.lsnAt(wrong as never), TypeError);
  }
  for (const wrong of [NaN, new Date(NaN)]) assertThrows(() => t.timeline.lsnAt(wrong), RangeError);
  assertThrows(() => t.timeline.dateOf(2), LsnError, "the last LSN is 1");
  for (const wrong of [0, -1, 1.5]) assertThrows(() => t.timeline.dateOf(wrong), RangeError);
  await t.store.close();
  assertThrows(() => t.timeline.lsnAt(0), Deno.errors.BadResource);
  assertThrows(() => t.timeline.dateOf(1), Deno.errors.BadResource);
});

Deno.test("salvage() keeps the horizon and the times of batches, with a manifest; without one, the horizon", async () => {
  for (const hasManifest of [true, false]) {
    await using place = await Place.make();
    const old = place.within("old"), store = await old.open(), timeline = store.timeline();
    for (let i = 1; i <= 40; i++) await timeline.append([{ key: `${i % 3}`, value: `${i}` }]);
    await timeline.gc({ history: { lsns: 10 } });
    const date = timeline.dateOf(35);
    await store.close();
    if (!hasManifest) { for (const path of old.files(/manifest-/)) Deno.removeSync(path); }
    const { timelines: [{ name }] } = await salvage(`${place.path}/old`, `${place.path}/new`);
    const found = await place.within("new").open({ create: false });
    assertEquals(found.timelines().find((each) => each.name === name)?.horizon, 30);
    await assertRejects(() => found.timeline(name).get("1", { lsn: 29 }), LsnError);
    assertEquals(await found.timeline(name).get("1", { lsn: 33 }), encoder.encode("31"));
    if (hasManifest) assertEquals(found.timeline(name).dateOf(35), date);
    await found.close();
  }
});
