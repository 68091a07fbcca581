import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { AssertionError, CorruptionError, Health, IoError, pageBytes } from "../../src/base/mod.ts";
import { objectId, PageSet, RangeRead } from "../../src/objects/mod.ts";
import { Random } from "../random.ts";
import {
  block,
  directory,
  idOf,
  layoutOf,
  ObjectsFixture,
  pageOf,
  settle,
  timeline,
} from "./objects_fixture.ts";

Deno.test("Objects.object() is one object for one id, and its order is a small number of its own", async () => {
  const t = new ObjectsFixture();
  const first = t.objects.object(idOf(1)), second = t.objects.object(idOf(2, "delta"));
  assertStrictEquals(t.objects.object(idOf(1)), first);
  assertEquals([first.order, second.order], [0, 1]);
  assertEquals([first.id, first.path, first.layout], [idOf(1), `${directory}/${idOf(1)}`, undefined]);
  const layout = layoutOf("", 1, 1);
  assertStrictEquals(t.objects.object(idOf(1), layout), first);
  assertStrictEquals(first.layout, layout);
  await t.close();
});

Deno.test("Objects.list() names the objects of a timeline, and nothing else that lies there", async () => {
  const t = new ObjectsFixture();
  assertEquals(await t.objects.list(timeline), []);
  const ids = [idOf(1), idOf(2, "delta"), idOf(3, "image")];
  const other = objectId({ timeline: 5, firstLsn: 1, sequence: 1, generation: 1, kind: "seg" });
  for (const id of [...ids, other]) t.disk.put(`${directory}/${id}`, new Uint8Array(1));
  t.disk.put(`${directory}/${idOf(1)}.old`, new Uint8Array(1));
  t.disk.put(`${directory}/0000000000000abc/notes.txt`, new Uint8Array(1));
  assertEquals((await t.objects.list(timeline)).sort(), ids.sort());
  assertEquals(await t.objects.list(5), [other]);
  await t.close();
});

Deno.test("Objects.listTimelines() names the timelines that were prepared, and nothing else", async () => {
  const t = new ObjectsFixture({}, [directory]);
  assertEquals(await t.objects.listTimelines(), []);
  for (const id of [timeline, 7, Number.MAX_SAFE_INTEGER]) await t.objects.prepare(id);
  t.disk.put(`${directory}/manifest-000000000001`, new Uint8Array(1));
  t.disk.put(`${directory}/pending`, new Uint8Array(1));
  await t.engine.makeDirectory(`${directory}/ffffffffffffffff`);
  assertEquals((await t.objects.listTimelines()).sort(), [timeline, 7, Number.MAX_SAFE_INTEGER].sort());
  await t.close();
});

Deno.test("Objects.object() turns a finished segment into an object with pages, which stays the same object", async () => {
  const t = new ObjectsFixture();
  const health = new Health("test");
  const writer = t.objects.create(idOf(1), { health, reserveBytes: 64 * pageBytes });
  writer.append(new Uint8Array(block));
  for (let page = 0; page < 3; page++) writer.append(pageOf(1, page));
  writer.append(new Uint8Array(block).fill(1));
  const layout = layoutOf(writer.object.path, 1, 3);
  assertEquals(await writer.finish(), layout.byteLength);
  const object = t.objects.object(writer.object.id, layout);
  assertStrictEquals(object, writer.object);
  const set = new PageSet(t.objects);
  set.get(object, 2);
  await set.fetch();
  assertEquals(set.get(object, 2), pageOf(1, 2));
  await t.close();
});

Deno.test("Objects.remove() closes the file of an object and drops its pages", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, 4), other = t.putPages(2, 4);
  const set = new PageSet(t.objects);
  for (const some of [object, other]) set.get(some, 1);
  await set.fetch();
  assertEquals([t.engine.openFiles, t.objects.metrics().cacheBytes], [2, 2 * pageBytes]);
  await t.objects.remove(object.id);
  assertEquals([t.engine.openFiles, t.objects.metrics().cacheBytes], [1, pageBytes]);
  assertEquals(t.disk.paths(), [other.path]);
  await t.objects.remove(object.id);
  assertEquals(
    t.objects.object(object.id) === object,
    false,
    "what comes later under the same id is another object",
  );
  await t.close();
});

Deno.test("Objects.remove() while an object is being read lets the read end, and keeps nothing of it", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, 4);
  t.engine.reading.close();
  const set = new PageSet(t.objects);
  set.get(object, 1);
  const fetching = set.fetch();
  await settle();
  await t.objects.remove(object.id);
  assertEquals([t.engine.openFiles, t.disk.paths()], [1, []]);
  t.engine.reading.open();
  await fetching;
  await settle();
  assertEquals(set.get(object, 1)?.[0], pageOf(1, 1)[0]);
  assertEquals([t.engine.openFiles, t.objects.metrics().cacheBytes], [0, 0]);
  const late = new PageSet(t.objects);
  late.get(object, 1);
  await late.fetch();
  assertThrows(() => late.get(object, 1), CorruptionError, "no file");
  await t.close();
});

Deno.test("Objects.remove() of what is being written is our own mistake, and so is a second writer", async () => {
  const t = new ObjectsFixture();
  const options = { health: new Health("test"), reserveBytes: 0 };
  const writer = t.objects.create(idOf(1), options);
  await assertRejects(() => t.objects.remove(idOf(1)), AssertionError);
  assertThrows(() => t.objects.create(idOf(1), options), AssertionError);
  await writer.abort();
  await t.objects.remove(idOf(1));
  assertEquals(t.disk.paths(), []);
  await t.close();
});

Deno.test("Objects.extent() and stream() read an object from a block on, to its end at the latest", async () => {
  const t = new ObjectsFixture();
  const contents = new Random(3).bytes(2500 * 1024 + 77);
  const object = t.put(1, contents);
  const { byteLength, nextData } = await t.objects.extent(object);
  assertEquals([byteLength, await nextData(block)], [contents.length, block]);
  for (
    const [start, end] of [[0, Infinity], [block, 2 << 20], [3 * block, 3 * block + 10], [512 * block, 0]]
  ) {
    const parts: string[] = [];
    for await (const bytes of t.objects.stream(object, { start, end: Math.min(end, contents.length) })) {
      parts.push(bytes.toHex());
    }
    assertEquals(
      parts.join("") === contents.slice(start, Math.max(start, end)).toHex(),
      true,
      `${start} to ${end}`,
    );
  }
  for await (const bytes of t.objects.stream(object, { start: 0, end: contents.length })) {
    assertEquals(bytes.length > 0, true);
    break;
  }
  await t.close();
});

Deno.test("Objects.extent(), stream() and datasync() of a file that is missing find damage", async () => {
  const t = new ObjectsFixture();
  const object = t.objects.object(idOf(1));
  const works = [
    () => t.objects.extent(object),
    () => t.objects.stream(object, { start: 0, end: 1 }).next(),
    () => t.objects.datasync(object),
  ];
  for (const work of works) assertEquals((await assertRejects(work, CorruptionError)).found, "no file");
  await t.close();
});

Deno.test("Objects.datasync() makes durable what is there", async () => {
  const t = new ObjectsFixture();
  await t.objects.datasync(t.put(1, new Uint8Array(10)));
  assertEquals(t.engine.takeLog().slice(1, 2), ["datasync"]);
  await t.close();
});

Deno.test("Objects.close() waits for reads in flight, and refuses what comes after", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, 4);
  const set = new PageSet(t.objects);
  set.get(object, 1);
  t.engine.reading.close();
  const fetching = set.fetch();
  const answers: (number | Error)[] = [];
  const range = new RangeRead(t.objects, {
    count: 1,
    objectOf: () => object,
    offsetOf: () => block,
    lengthOf: () => 1,
  }, {
    accept: (_item, bytes, _view, at) => answers.push(bytes[at]),
    fail: (_item, error) => answers.push(error),
  });
  const stepping = range.step();
  await settle();
  let closed = false;
  const closing = t.objects.close().then(() => closed = true);
  await settle();
  assertEquals([closed, t.engine.openFiles], [false, 1]);
  t.engine.reading.open();
  await Promise.all([fetching, stepping, closing]);
  assertEquals([set.get(object, 1)?.[0], answers], [pageOf(1, 1)[0], [pageOf(1, 0)[0]]]);
  await assertRejects(() => t.objects.extent(object), Deno.errors.BadResource);
  await t.close();
});

Deno.test("Objects.metrics() counts what is held", async () => {
  const t = new ObjectsFixture({ bufferBytes: 4 * block });
  assertEquals(t.objects.metrics(), {
    valueReads: 0,
    valueReadBytes: 0,
    pageReads: 0,
    cacheHits: 0,
    cacheMisses: 0,
    cacheValueHits: 0,
    cacheValueMisses: 0,
    cacheValueBytes: 0,
    cacheBytes: 0,
    bufferBytes: 0,
    openFiles: 0,
  });
  const writer = t.objects.create(idOf(1), { health: new Health("test"), reserveBytes: 0 });
  writer.append(new Uint8Array(5 * block));
  assertEquals([t.objects.metrics().bufferBytes, writer.bufferedBytes], [8 * block, 5 * block]);
  await writer.finish();
  await t.close();
});

Deno.test("Objects.close() closes every file, also if closing one of them fails", async () => {
  const t = new ObjectsFixture();
  t.disk.put(`${directory}/manifest-1`, new Uint8Array(block));
  t.disk.put(`${directory}/${idOf(1)}`, new Uint8Array(block));
  await t.objects.root.append("manifest-1", 0, new Uint8Array(block));
  const { files } = t.objects.context;
  files.release(await files.lease([t.objects.object(idOf(1))]));
  const { openFiles } = t.engine;
  t.faults.failNext("close", "EIO");
  await assertRejects(() => t.objects.close(), IoError, "EIO");
  assertEquals([openFiles, t.engine.openFiles <= 1], [2, true]);
});
