/** What `Timeline.compact` promises, on every engine in every mode. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { timeMarkBytes } from "../../src/layer/mod.ts";
import { CorruptionError, ReadOnlyError, type Snapshot, Store, type Timeline } from "../../mod.ts";
import { collect, patterned, sameBytes } from "../store/bytes.ts";
import { test, testEach } from "../store/matrix.ts";
import { Model, type ModelChange } from "../store/model.ts";

const KiB = 1024;
const encoder = new TextEncoder();
const keys = Array.from({ length: 90 }, (_, i) => encoder.encode(`key ${i * 7919 % 90}`));

/** A timeline, and what it must answer. */
class Told {
  readonly store: Store;
  readonly timeline: Timeline;
  readonly model: Model;

  constructor(store: Store, model: Model = new Model()) {
    this.store = store;
    this.timeline = store.timeline();
    this.model = model;
  }

  async append(): Promise<void> {
    const next = this.timeline.lastLsn + 1;
    const changes: ModelChange[] = next % 11 === 0 ? [] : [0, 1, 2].map((i) => ({
      key: keys[(next * 31 + i * 37) % keys.length],
      value: (next + i) % 5 === 0 ? undefined : patterned((next * 7907 + i) % 3000, next + i),
    }));
    this.model.append(next, changes);
    await this.timeline.append(
      changes.map(({ key, value }) => value === undefined ? { key, delete: true as const } : { key, value }),
    );
  }

  /** Makes layers of a dozen batches each. */
  async layers(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      for (let batch = 0; batch < 12; batch++) await this.append();
      await this.timeline.freeze();
    }
  }

  /** Asks for everything as of an LSN, through the timeline or through a snapshot of that LSN. */
  async check(lsn: number, snapshot?: Snapshot): Promise<void> {
    const found = await (snapshot?.getMany(keys) ?? this.timeline.getMany(keys, { lsn }));
    found.forEach((value, i) =>
      assert(sameBytes(value, this.model.at(keys[i], lsn)?.value), `key ${i} at ${lsn}`)
    );
    for (const reverse of [false, true]) {
      const entries = await collect(snapshot?.scan({ reverse }) ?? this.timeline.scan({ reverse }, { lsn })),
        expected = this.model.scan({ reverse }, lsn);
      assertEquals(
        entries.map(({ key, lsn }) => [key.toHex(), lsn]),
        expected.map(({ key, version }) => [key.toHex(), version.lsn]),
      );
      entries.forEach(({ value }, i) => assert(sameBytes(value, expected[i].version.value)));
    }
  }

  async checkHistory(): Promise<void> {
    const { lastLsn } = this.timeline;
    for (const key of keys) {
      const versions = await collect(this.timeline.history(key, { to: lastLsn }));
      const expected = this.model.history(key, 1, lastLsn);
      assertEquals(
        versions.map(({ lsn, deleted }) => [lsn, deleted]),
        expected.map(({ lsn, value }) => [lsn, value === undefined]),
      );
      versions.forEach(({ value }, i) => assert(sameBytes(value, expected[i].value)));
    }
  }

  async checkAll(): Promise<void> {
    const { lastLsn } = this.timeline;
    for (const lsn of [1, 13, Math.floor(lastLsn / 2), lastLsn]) await this.check(lsn);
    await this.checkHistory();
  }
}

testEach("Timeline.compact() changes no answer, before, meanwhile and after", async (place) => {
  const t = new Told(await place.open({ upkeep: "manual" }));
  await t.layers(20);
  await t.checkAll();
  const before = place.files(/\.seg$/), snapshot = t.timeline.snapshot(100);
  let isDone = false;
  const compacted = t.timeline.compact().finally(() => isDone = true);
  compacted.catch(() => {});
  let rounds = 0;
  // It ends although appends go on.
  while (!isDone && rounds < 2000 || rounds === 0) {
    await t.append();
    await t.check([5, 77, t.timeline.lastLsn][rounds++ % 3]);
    await t.check(100, snapshot);
  }
  assert(rounds < 2000);
  const report = await compacted;
  assert(report.merges > 0 && report.inputLayers >= 20);
  await t.checkAll();
  await t.check(100, snapshot);
  // The snapshot needs them until it is disposed of.
  assertEquals(before.filter((path) => !place.files().includes(path)), []);
  snapshot[Symbol.dispose]();
  await t.timeline.compact();
  assertEquals(before.filter((path) => place.files().includes(path)), []);
  assertEquals(t.timeline.layers().map(({ path }) => path).sort(), place.files(/\.(seg|delta)$/));
  assertEquals(await Array.fromAsync(t.store.verify()), []);
  await t.checkAll();
  await place.close(t.store);
  const again = new Told(await place.open(), t.model);
  assertEquals(again.timeline.lastLsn, t.model.lastLsn);
  await again.checkAll();
  const nothing = { merges: 0, inputLayers: 0, outputLayers: 0, inputBytes: 0, outputBytes: 0 };
  assertEquals(await again.timeline.compact(), nothing);
}, { segmentBytes: 64 * KiB });

testEach(
  "Timeline.compact() is ended by closing, and the next opening finds everything and nothing else",
  async (place) => {
    const t = new Told(await place.open());
    await t.layers(12);
    const compacted = t.timeline.compact().catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 3));
    await place.close(t.store);
    const ended = await compacted;
    if (ended instanceof Error) assertInstanceOf(ended, Deno.errors.BadResource);
    const again = new Told(await place.open(), t.model);
    const named = again.timeline.layers().map(({ path }) => path).sort();
    assertEquals(named, place.files(/\.(seg|delta)$/));
    await again.checkAll();
  },
  { segmentBytes: 64 * KiB },
);

testEach("Timeline.compact() leaves a damaged layer to its own keys", async (place) => {
  const first = new Told(await place.open({ upkeep: "manual" }));
  await first.layers(3);
  const [, { path, firstLsn }] = first.timeline.layers().reverse();
  await place.close(first.store);
  const bytes = Deno.readFileSync(path);
  // The first record of the layer, behind a time mark.
  const offset = 4096 + timeMarkBytes;
  bytes[offset + 30] ^= 1;
  Deno.writeFileSync(path, bytes);
  const t = new Told(await place.open({ upkeep: "manual" }), first.model);
  const before = t.timeline.layers().map(({ path }) => path);
  const error = await assertRejects(() => t.timeline.compact(), CorruptionError);
  assertEquals([error.path, error.offset], [path, offset]);
  assertEquals(t.timeline.layers().map(({ path }) => path), before);
  let damaged = 0;
  for (const key of keys) {
    const found = await t.timeline.get(key, { lsn: firstLsn }).catch((error: unknown) => error);
    if (found instanceof CorruptionError) damaged++;
    else assert(sameBytes(found as Uint8Array | undefined, t.model.at(key, firstLsn)?.value));
  }
  assertEquals(damaged, 1);
  await t.append();
  await t.timeline.sync();
}, { segmentBytes: 64 * KiB });

test("Timeline.compact() refuses a store that is read only, a closed one, and options that it does not know", async (place) => {
  const t = new Told(await place.open());
  await t.layers(1);
  await assertRejects(
    () => t.timeline.compact({ speed: 9 } as Parameters<Timeline["compact"]>[0]),
    TypeError,
    "speed",
  );
  await place.close(t.store);
  await assertRejects(() => t.timeline.compact(), Deno.errors.BadResource);
  const reader = await place.open({ readOnly: true });
  await assertRejects(() => reader.timeline().compact(), ReadOnlyError);
});

Deno.test("Timeline.scan() goes on behind many megabytes of deleted keys that were merged", async () => {
  const path = await Deno.makeTempDir({ prefix: "varve_test_" });
  try {
    await using store = await Store.open(path);
    const timeline = store.timeline(), keys = 24_000, width = 500;
    for (let i = 0; i < keys; i += 4000) {
      const numbers = Array.from({ length: 4000 }, (_, j) => `k${i + j}`.padEnd(width, "-"));
      await timeline.append(numbers.map((key) => ({ key, value: "gone" })));
      await timeline.append(numbers.map((key) => ({ key, delete: true as const })));
    }
    await timeline.append([{ key: "z", value: "last" }]);
    await timeline.compact();
    const found = await Array.fromAsync(timeline.scan());
    assertEquals(found.map(({ key }) => new TextDecoder().decode(key)), ["z"]);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});
