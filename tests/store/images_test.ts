/** Image layers of stores: the floor of a horizon, with compressed values, read in every way. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { CorruptionError, LsnError, salvage, Store, type Timeline } from "../../mod.ts";
import { crc32 } from "../../src/base/mod.ts";
import { recordHeaderBytes, RecordKind } from "../../src/layer/mod.ts";
import { visitRows } from "../../src/timeline/mod.ts";
import { apart } from "../../src/timeline/read/records/copies.ts";
import { collect, patterned, sameBytes, seedOf } from "./bytes.ts";
import { type Place, test, testEach } from "./matrix.ts";

const KiB = 1024;
const lengths = [0, 1, 100, 2047, 2048, 2049, 8 * KiB, 64 * KiB, 256 * KiB, 256 * KiB + 1, 2048 * KiB];
const encoder = new TextEncoder(), decoder = new TextDecoder();
const options = { history: { lsns: 5 } };

const keyOf = (i: number) => `k${String(i).padStart(2, "0")}`;
const valueOf = (i: number, round = 2) => patterned(lengths[i % lengths.length], i + round);

/** Values of all lengths, each overwritten twice, one deleted in the end; the last five batches are of others. */
async function fill(timeline: Timeline, keys = 22): Promise<void> {
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < keys; i++) await timeline.append([{ key: keyOf(i), value: valueOf(i, round) }]);
  }
  await timeline.append([{ key: keyOf(3), delete: true }]);
  for (let i = 0; i < 5; i++) await timeline.append([{ key: `z${i}`, value: valueOf(i + 6) }]);
  await timeline.freeze();
}

async function makeImages(place: Place): Promise<Store> {
  const store = await place.open(options);
  await fill(store.timeline());
  await store.timeline().compact();
  return store;
}

/** Checks what every way to read finds. */
async function assertReads(timeline: Timeline): Promise<void> {
  const expected = Array.from({ length: 22 }, (_, i) => i === 3 ? undefined : valueOf(i));
  const keys = expected.map((_, i) => keyOf(i));
  for (const [i, key] of keys.entries()) {
    // The second time it is asked of the cache, if it is kept there.
    for (let time = 0; time < 2; time++) assert(sameBytes(await timeline.get(key), expected[i]), key);
  }
  for (let i = 0; i < 5; i++) {
    const versions = await collect(timeline.history(`z${i}`));
    assertEquals(versions.length, 1);
    assert(sameBytes((versions[0] as { value: Uint8Array }).value, valueOf(i + 6)));
  }
  const many = await timeline.getMany([...keys, "absent", "k0", "kk"]);
  many.forEach((value, i) => assert(sameBytes(value, expected[i])));
  const present = keys.filter((_, i) => i !== 3);
  for (const reverse of [false, true]) {
    const scanned = await collect(timeline.scan({ prefix: "k", reverse }));
    if (reverse) scanned.reverse();
    assertEquals(scanned.map(({ key }) => decoder.decode(key)), present);
    for (const { key, value } of scanned) {
      assert(sameBytes(value, expected[Number(decoder.decode(key).slice(1))]));
    }
  }
  const rows: string[] = [];
  await visitRows(timeline, { prefix: "k" }, {}, ({ from, to, keys, values }) => {
    for (let row = from; row < to; row++) {
      const key = decoder.decode(keys.keyAt(row));
      rows.push(key);
      assert(sameBytes(values.valueAt(row, apart), expected[Number(key.slice(1))]), key);
    }
    return Promise.resolve();
  });
  assertEquals(rows, present);
  assertEquals(await timeline.count({ prefix: "k" }), present.length);
}

testEach("image layers are read in every way, and end reads of what they do not have", async (place) => {
  const store = await makeImages(place), timeline = store.timeline();
  const [layer, ...others] = timeline.layers(), horizon = store.timelines()[0].horizon;
  assertEquals([layer.kind, layer.imageLsn, others.length], ["image", horizon, 0]);
  assert(layer.byteLength < 400 * KiB, `${layer.byteLength} bytes hold 5 MiB`);
  await assertReads(timeline);
  const { keys } = await timeline.explain([keyOf(6), "kk"]);
  assertEquals(keys.map(({ visits }) => visits.map(({ kind, imageLsn }) => [kind, imageLsn])), [
    [["image", horizon]],
    [["image", horizon]],
  ]);
  assertEquals([keys[0].valueBytes, keys[1].found], [8 * KiB, undefined]);
  assert((keys[0].found?.byteLength ?? 0) < KiB, "its record is smaller than its value");
  await assertRejects(() => timeline.get(keyOf(1), { lsn: horizon - 1 }), LsnError);
  assertEquals(await Array.fromAsync(store.verify()), []);
  await place.close(store);
  const again = await place.open({ readOnly: true });
  await assertReads(again.timeline());
  await place.close(again);
});

test("snapshots from before an image keep what they saw", async (place) => {
  const store = await place.open(options), timeline = store.timeline();
  await timeline.append([{ key: "a", value: "old" }, { key: "b", value: "gone" }]);
  using before = timeline.snapshot();
  await fill(timeline);
  await timeline.append([{ key: "a", value: "new" }, { key: "b", delete: true }]);
  for (let i = 0; i < 5; i++) await timeline.append([]);
  await timeline.compact();
  assert(timeline.layers().some(({ kind }) => kind === "image"));
  assertEquals((await before.getMany(["a", "b", keyOf(1)])).map((value) => value && decoder.decode(value)), [
    "old",
    "gone",
    undefined,
  ]);
  assertEquals((await timeline.getMany(["a", "b"])).map((value) => value && decoder.decode(value)), [
    "new",
    undefined,
  ]);
  await place.close(store);
});

/** Where the record of a key starts in a file. */
function placeOf(bytes: Uint8Array, key: string): number {
  const wanted = encoder.encode(key);
  return bytes.findIndex((byte, at) =>
    byte === wanted[0] && bytes[at - recordHeaderBytes + 4] === RecordKind.PUT &&
    wanted.every((byte, i) => bytes[at + i] === byte)
  ) - recordHeaderBytes;
}

test("a compressed value that is damaged fails its own key alone, and is found", async (place) => {
  const store = await makeImages(place);
  await place.close(store);
  const [path] = place.files(/\.image$/), whole = Deno.readFileSync(path);
  for (const i of [4, 6, 7, 8, 9, 10]) {
    const bytes = whole.slice(), at = placeOf(bytes, keyOf(i));
    assertEquals(bytes[at + 5] & 2, 2, "it is compressed");
    bytes[at + recordHeaderBytes + 3 + 20] ^= 0x10;
    Deno.writeFileSync(path, bytes);
    const damaged = await place.open({ readOnly: true }), timeline = damaged.timeline();
    await assertRejects(() => timeline.get(keyOf(i)), CorruptionError);
    assert(sameBytes(await timeline.get(keyOf(i + 1)), valueOf(i + 1)));
    const entries = await collect(timeline.scan({ prefix: "k" }, { damage: "report" }));
    assertEquals(entries.filter((entry) => "error" in entry).map(({ key }) => decoder.decode(key)), [
      keyOf(i),
    ]);
    assertEquals(await timeline.count({ prefix: "k" }), 21, "counting opens no value");
    const findings = await Array.fromAsync(damaged.verify());
    assertEquals(findings.length, 1);
    assertInstanceOf(findings[0].error, CorruptionError);
    await place.close(damaged);
  }
  Deno.writeFileSync(path, whole);
});

test("what was compressed is salvaged as it was put", async (place) => {
  const store = await makeImages(place);
  await place.close(store);
  const target = `${place.path}_salvaged`;
  try {
    const { timelines } = await salvage(place.path, target);
    assertEquals(timelines.flatMap(({ lost }) => lost), []);
    const saved = await Store.open(target, { upkeep: "manual" });
    await assertReads(saved.timeline());
    await saved.close();
  } finally {
    await Deno.remove(target, { recursive: true });
  }
});

test("a value that does not decompress to what it says is damage of its key, whatever checks", async (place) => {
  const store = await makeImages(place);
  await place.close(store);
  const [path] = place.files(/\.image$/), bytes = Deno.readFileSync(path), view = new DataView(bytes.buffer);
  const at = placeOf(bytes, keyOf(6)), valueAt = at + recordHeaderBytes + 3;
  const end = valueAt + view.getUint32(at + 8, true);
  view.setUint32(valueAt, lengths[6] - 1, true);
  view.setUint32(at, crc32(bytes.subarray(at + 4, end)) ^ seedOf(bytes), true);
  Deno.writeFileSync(path, bytes);
  const damaged = await place.open({ readOnly: true }), timeline = damaged.timeline();
  const isTold = ({ message }: Error) => message.includes("decompresses");
  for (const read of [() => timeline.get(keyOf(6)), () => timeline.getMany([keyOf(6)])]) {
    assert(isTold(await assertRejects(read, CorruptionError)));
  }
  const entries = await collect(timeline.scan({ prefix: "k" }, { damage: "report" }));
  assertEquals(entries.filter((entry) => "error" in entry).map(({ key }) => decoder.decode(key)), [keyOf(6)]);
  const rows: string[] = [];
  const visit = visitRows(timeline, { prefix: "k" }, {}, ({ from, to, keys }) => {
    for (let row = from; row < to; row++) rows.push(decoder.decode(keys.keyAt(row)));
    return Promise.resolve();
  });
  assert(isTold(await assertRejects(() => visit, CorruptionError)));
  assertEquals(rows, [0, 1, 2, 4, 5].map(keyOf));
  const findings = await Array.fromAsync(damaged.verify());
  assert(findings.some(({ error }) => isTold(error as Error)), "verify finds it");
  await place.close(damaged);
  const target = `${place.path}_salvaged`;
  try {
    const { timelines: [{ lost }] } = await salvage(place.path, target);
    assertEquals(lost.map(({ offset }) => offset), [at]);
    const saved = await Store.open(target, { upkeep: "manual" });
    assertEquals(await saved.timeline().get(keyOf(6)), undefined);
    assert(sameBytes(await saved.timeline().get(keyOf(7)), valueOf(7)));
    await saved.close();
  } finally {
    await Deno.remove(target, { recursive: true });
  }
});
