/** What reads promise that only a whole store can show. */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { Batch, type Change, CorruptionError, type Timeline } from "../../mod.ts";
import { blockBytes } from "../../src/base/mod.ts";
import { recordHeaderBytes, timeMarkBytes } from "../../src/layer/mod.ts";
import { collect, patterned, sameBytes } from "../store/bytes.ts";
import { type Place, test, testEach } from "../store/matrix.ts";

const decoder = new TextDecoder();

testEach("Timeline.history() reads 200,000 versions of one key, a window at a time", async (place) => {
  const count = 200_000;
  const store = await place.open();
  const timeline = store.timeline();
  const batch = new Batch();
  for (let lsn = 1; lsn <= count; lsn++) {
    batch.clear();
    if (lsn % 1000 === 0) batch.delete("hot");
    else batch.put("hot", `${lsn}`);
    await timeline.append(batch);
  }
  for (const isSealed of [false, true]) {
    if (isSealed) await timeline.freeze();
    let lsn = 0;
    for await (const version of timeline.history("hot")) {
      lsn++;
      const expected = lsn % 1000 === 0 ? undefined : `${lsn}`;
      const value = version.value && decoder.decode(version.value);
      if (version.lsn !== lsn || value !== expected || version.deleted !== (expected === undefined)) {
        assertEquals(version, { lsn, value: undefined, deleted: expected === undefined });
      }
    }
    assertEquals(lsn, count);
  }
  const before = store.metrics().valueReadBytes;
  const reader = timeline.history("hot", { from: 77_001 }).getReader();
  assertEquals((await reader.read()).value?.lsn, 77_001);
  await reader.cancel();
  assert(store.metrics().valueReadBytes - before < 1_000_000);
}, { segmentBytes: 2 ** 21 });

/** A store with one sealed layer of four keys, of which the record of `c` is damaged. */
async function damaged(place: Place): Promise<{ timeline: Timeline; path: string; offset: number }> {
  const store = await place.open();
  const changes: Change[] = ["a", "b", "c", "d"].map((key, i) => ({ key, value: patterned(500, i) }));
  await store.timeline().append(changes);
  await store.timeline().append([{ key: "c", value: patterned(500, 9) }]);
  await store.timeline().freeze();
  const [{ path }] = store.timeline().layers();
  await place.close(store);
  const bytes = Deno.readFileSync(path);
  const value = patterned(500, 9);
  const at = bytes.findIndex((_, i) => value.every((byte, j) => bytes[i + j] === byte));
  bytes[at + 100] ^= 1;
  Deno.writeFileSync(path, bytes);
  // The header of 20 bytes and the key stand before the value.
  return { timeline: (await place.open()).timeline(), path, offset: at - 21 };
}

test("Timeline ends streams with the damage of a record, behind everything before it", async (place) => {
  const { timeline, path, offset } = await damaged(place);
  const streams: [stream: ReadableStream<{ lsn: number | undefined }>, before: number[]][] = [
    [timeline.getVectored(["d", "a", "c", "b"]), [1, 1]],
    [timeline.scan(), [1, 1]],
    [timeline.scan({ reverse: true }), [1]],
    [timeline.snapshot().scan(), [1, 1]],
    [timeline.history("c"), [1]],
  ];
  for (const [stream, before] of streams) {
    const seen: (number | undefined)[] = [];
    const error = await assertRejects(async () => {
      for await (const { lsn } of stream) seen.push(lsn);
    }, CorruptionError);
    assertEquals([seen, error.path, error.offset], [before, path, offset]);
  }
  await assertRejects(() => timeline.get("c"), CorruptionError);
  await assertRejects(() => timeline.getMany(["a", "c"]), CorruptionError);
  assert(sameBytes(await timeline.get("c", { lsn: 1 }), patterned(500, 2)));
});

test("Timeline reports the damage of a record in its place when it is asked to", async (place) => {
  const { timeline, offset } = await damaged(place);
  const damage = "report";
  using snapshot = timeline.snapshot();
  const entries = [
    await collect(timeline.getVectored(["a", "b", "c", "d"], { damage })),
    await collect(timeline.scan({}, { damage })),
    (await collect(timeline.scan({ reverse: true }, { damage }))).reverse(),
    await collect(snapshot.getVectored([{ base: "a", count: 4 }], { damage })),
    await collect(snapshot.scan({}, { damage })),
  ];
  for (const [a, b, c, d] of entries) {
    [a, b, undefined, d].forEach((entry, i) => {
      assert(entry === undefined || "value" in entry && sameBytes(entry.value, patterned(500, i)));
    });
    assert("error" in c && !("value" in c));
    assertEquals([decoder.decode(c.key), c.lsn], ["c", 2]);
    assertInstanceOf(c.error, CorruptionError);
    assertEquals(c.error.offset, offset);
    // Damage stays what it is when an entry is copied.
    assert("error" in { ...c } && "error" in structuredClone(c));
  }
  const versions = await collect(timeline.history("c", { damage }));
  assertEquals(versions.map((version) => [version.lsn, "error" in version]), [[1, false], [2, true]]);
});

test("Timeline.snapshot() is a view that is held until it is disposed of", async (place) => {
  const store = await place.open();
  const timeline = store.timeline();
  await timeline.append([{ key: "a", value: "1" }]);
  const snapshot = timeline.snapshot();
  await timeline.append([{ key: "a", value: "2" }, { key: "b", value: "2" }]);
  await timeline.freeze();
  assertEquals([store.metrics().views, snapshot.lsn], [1, 1]);
  assert(store.metrics().oldestViewMilliseconds > 0);
  assertEquals(await snapshot.getMany(["a", "b"]), [new Uint8Array([49]), undefined]);
  const reader = snapshot.scan().getReader();
  assertEquals(store.metrics().views, 2);
  snapshot[Symbol.dispose]();
  snapshot[Symbol.dispose]();
  assertEquals(store.metrics().views, 1);
  assertEquals((await reader.read()).value?.lsn, 1);
  assertEquals((await reader.read()).done, true);
  assertEquals([store.metrics().views, store.metrics().oldestViewMilliseconds], [0, 0]);
  const message = "Cannot use snapshot at LSN 1: it was disposed of";
  await assertRejects(() => snapshot.get("a"), Deno.errors.BadResource, message);
  assertThrows(() => snapshot.scan(), Deno.errors.BadResource, message);
});

test("Timeline lets the event loop turn while a scan sorts what was appended", async (place) => {
  const timeline = (await place.open()).timeline();
  const batch = new Batch();
  const count = 300_000;
  for (let i = 0; i < count;) {
    batch.clear();
    for (const end = i + 1000; i < end; i++) batch.put(`k${i * 7919 % count}`, "");
    await timeline.append(batch);
  }
  let turns = 0, isOver = false;
  const tick = () => {
    turns++;
    if (!isOver) setTimeout(tick, 0);
  };
  setTimeout(tick, 0);
  const [first] = await collect(timeline.scan({ limit: 1 }));
  isOver = true;
  assertEquals(decoder.decode(first.key), "k0");
  assert(turns > 5, `${turns} turns`);
  await new Promise((resolve) => setTimeout(resolve, 1));
});

test("Timeline.layers() describes layers, newest first", async (place) => {
  const timeline = (await place.open()).timeline();
  assertEquals(timeline.layers(), []);
  await timeline.append([{ key: "b", value: "1" }, { key: "d", value: "1" }]);
  await timeline.append([{ key: "b", delete: true }]);
  await timeline.freeze();
  await timeline.append([{ key: "a", value: "1" }]);
  const [open, sealed] = timeline.layers();
  assertEquals(
    [open.kind, open.firstLsn, open.lastLsn, open.keys, open.versions, open.firstKey.length],
    ["open", 3, 3, 1, 1, 0],
  );
  assertEquals(open.byteLength, blockBytes + timeMarkBytes + recordHeaderBytes + 2);
  assertEquals(
    [sealed.kind, sealed.firstLsn, sealed.lastLsn, sealed.keys, sealed.versions, sealed.tombstones],
    ["L0", 1, 2, 2, 3, 1],
  );
  assertEquals([sealed.firstKey, sealed.lastKey].map((key) => decoder.decode(key)), ["b", "d"]);
  assertEquals(Deno.statSync(sealed.path).size, sealed.byteLength);
  sealed.firstKey.fill(0);
  assertEquals(decoder.decode(timeline.layers()[1].firstKey), "b");
});
