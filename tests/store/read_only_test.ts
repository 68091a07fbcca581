/** A reader needs no lock and no permission to write, writes nothing, and bears with a writer. */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { CorruptionError, ReadOnlyError, type Store } from "../../mod.ts";
import { HookedEngine } from "./hooked_engine.ts";
import { inProcess } from "./in_process.ts";
import { collect, patterned, sameBytes } from "./bytes.ts";
import { Place, test, testEach } from "./matrix.ts";

/** Everything that is seen of a directory: names, bytes, modes and times. */
function look(place: Place): unknown[] {
  return [place.path, ...place.files()].map((path) => {
    const { mode, mtime, size, isFile } = Deno.statSync(path);
    return [path, mode, mtime?.getTime(), size, isFile ? Deno.readFileSync(path).toBase64() : ""];
  });
}

async function write(store: Store, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    await store.timeline().append([{ key: `k${i}`, value: patterned(7000, i) }]);
  }
  await store.timeline().sync();
}

async function check(store: Store, count: number): Promise<void> {
  const values = await store.timeline().getMany(Array.from({ length: count }, (_, i) => `k${i}`));
  values.forEach((value, i) => assert(sameBytes(value, patterned(7000, i)), `value of k${i}`));
}

testEach("Store.open() writes nothing when it is read only", async (place) => {
  const store = await place.open();
  await write(store, 0, 25);
  await using crashed = await place.copy();
  await place.close(store);
  for (const each of [place, crashed]) {
    const before = look(each);
    const reader = await each.open({ readOnly: true });
    await check(reader, 25);
    assertEquals((await collect(reader.timeline().scan())).length, 25);
    assertEquals(reader.timeline().lastLsn, 25);
    await each.close(reader);
    assertEquals(look(each), before);
  }
}, { segmentBytes: 64 * 1024 });

test("Store refuses to write with ReadOnlyError when it is read only", async (place) => {
  await place.close(await place.open());
  const reader = await place.open({ readOnly: true });
  const timeline = reader.timeline();
  await assertRejects(() => timeline.append([{ key: "a", value: "1" }]), ReadOnlyError);
  await assertRejects(() => timeline.sync(), ReadOnlyError);
  await assertRejects(() => timeline.freeze(), ReadOnlyError);
  await assertRejects(() => reader.createTimeline("side"), ReadOnlyError);
  assertThrows(() => timeline.writable(), ReadOnlyError);
});

test("Store.open() reads when it is read only and the store is open to a writer", async (place) => {
  const store = await place.open();
  await write(store, 0, 20);
  const readers = [await place.open({ readOnly: true }), await place.open({ readOnly: true })];
  await write(store, 20, 60);
  await store.timeline().freeze();
  for (const reader of readers) {
    await check(reader, 20);
    assertEquals([reader.timeline().lastLsn, await reader.timeline().get("k20")], [20, undefined]);
  }
  await place.close(store);
  for (const reader of readers) await check(reader, 20);
}, { segmentBytes: 64 * 1024 });

test("Store.open() takes what a writer adds meanwhile neither for damage nor for the end", async (place) => {
  const store = await place.open({ segmentBytes: 64 * 1024 });
  await write(store, 0, 3);
  for (let nth = 1, reached = true; reached; nth++) {
    await using engine = new HookedEngine();
    let reads = 0;
    // The writer syncs twice, and goes on into other segments, before the reader's nth read.
    engine.hook = async (operation, path) => {
      if (operation !== "read" || !path.endsWith(".seg") || ++reads !== nth) return;
      const last = store.timeline().lastLsn;
      for (let i = 0; i < 14; i++) await write(store, last + i, last + i + 1);
    };
    const before = store.timeline().lastLsn;
    const reader = await place.open({ readOnly: true, ioEngine: engine });
    reached = reads >= nth;
    const found = reader.timeline().lastLsn;
    assert(found >= before && found <= store.timeline().lastLsn, `${found} LSNs, ${before} before`);
    await check(reader, found);
    await place.close(reader);
    assert(nth < 40, "opening reads a bounded number of times");
  }
}, { ioMode: "buffered" });

test("Store.open() reads when a writer syncs at every turn of the reader", async (place) => {
  const store = await place.open();
  await write(store, 0, 3);
  await using engine = new HookedEngine();
  const writeMore = async () => {
    const last = store.timeline().lastLsn;
    for (let i = last; i < last + 3; i++) await write(store, i, i + 1);
  };
  let writing = Promise.resolve();
  engine.hook = (operation, path) => {
    if (operation !== "read" || !path.endsWith(".seg")) return;
    writing = writing.then(writeMore);
    return writing;
  };
  const reader = await place.open({ readOnly: true, ioEngine: engine });
  engine.hook = () => {};
  assert(reader.timeline().lastLsn >= 3);
  await check(reader, reader.timeline().lastLsn);
}, { ioMode: "buffered" });

test("Store.open() finds the manifest when a writer replaces it meanwhile", async (place) => {
  const store = await place.open({ segmentBytes: 64 * 1024 });
  await write(store, 0, 3);
  await using engine = new HookedEngine();
  let lists = 0;
  engine.hook = async (operation, path) => {
    // Between a look at the directory and the file that was seen there.
    if (operation !== "size" || !/manifest/.test(path) || lists++ > 0) return;
    for (let i = 0; i < 3; i++) await store.createTimeline(`side ${i}`);
  };
  const reader = await place.open({ readOnly: true, ioEngine: engine });
  await check(reader, 3);
  await using late = new HookedEngine();
  const list = late.list.bind(late);
  let looks = 0;
  late.list = async (path) => {
    const names = await list(path);
    if (++looks === 2) { for (let i = 3; i < 6; i++) await store.createTimeline(`side ${i}`); }
    return names;
  };
  await check(await place.open({ readOnly: true, ioEngine: late }), 3);
  assert(looks > 2);
}, { ioMode: "buffered" });

test("Store.open() reads when a writer makes a segment at each look at the directory", async (place) => {
  const store = await place.open({ segmentBytes: 64 * 1024 });
  await write(store, 0, 3);
  const [directory] = place.files(/\.seg$/).map((path) => path.slice(0, path.lastIndexOf("/")));
  await using engine = new HookedEngine();
  engine.hook = async (operation, path) => {
    const last = store.timeline().lastLsn;
    if (operation === "list" && path === directory) await write(store, last, last + 14);
  };
  const reader = await place.open({ readOnly: true, ioEngine: engine });
  engine.hook = () => {};
  await check(reader, reader.timeline().lastLsn);
}, { ioMode: "buffered" });

test("Store.open() reports that a segment is named by no manifest when it is read only", async (place) => {
  const store = await place.open();
  await store.timeline().append([{ key: "a", value: "1" }], { sync: true });
  await using killed = await place.copy();
  const [manifest] = killed.files(/manifest/), bytes = Deno.readFileSync(manifest);
  const last = bytes.findLastIndex((byte) => byte !== 0);
  bytes[last] ^= 1;
  Deno.writeFileSync(manifest, bytes);
  for (const readOnly of [true, false]) {
    const error = await assertRejects(() => killed.open({ readOnly }), CorruptionError, ".seg");
    assertEquals(error.path, killed.path);
  }
}, { ioMode: "buffered" });

test("Store.open() reports damage when it is read only", async (place) => {
  const store = await place.open();
  await store.timeline().append([{ key: "a", value: "1" }], { sync: true });
  await place.close(store);
  const [segment] = place.files(/\.seg$/);
  Deno.truncateSync(segment, 4096 + 10);
  const error = await assertRejects(() => place.open({ readOnly: true }), CorruptionError);
  assertInstanceOf(error, CorruptionError);
  assertEquals(error.path, segment);
});

test("Store.open() needs no permission to write when it is read only", async (place) => {
  const store = await place.open();
  await store.timeline().append([{ key: "a", value: "found" }], { sync: true });
  const grants = [`--allow-read=${place.path}`];
  assertEquals(await inProcess(grants, ["read", place.path, '{"readOnly":true}']), "found");
  await place.close(store);
  assertEquals(await inProcess(grants, ["read", place.path, '{"readOnly":true}']), "found");
  const copy = new Place(place.path);
  assertEquals(copy.files(/probe/), []);
});
