import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { PageSet } from "../../../src/objects/mod.ts";
import { RangeMemory } from "../../../src/objects/read/range_memory.ts";
import { block, ObjectsFixture } from "../objects_fixture.ts";

const KiB = 1024;

Deno.test("RangeMemory uses memory again that came back, and what is in use is nobody else's", () => {
  const memory = new RangeMemory();
  const [first, second] = [memory.take(100), memory.take(240 * KiB)];
  assertEquals([first.length, second.length], [100, 240 * KiB]);
  assert(first.buffer !== second.buffer);
  memory.giveBack(first);
  assertEquals(memory.freeBytes, 240 * KiB);
  assertStrictEquals(memory.take(200 * KiB).buffer, first.buffer);
  assert(memory.take(1).buffer !== second.buffer);
  assertEquals(memory.freeBytes, 0);
});

Deno.test("RangeMemory takes nothing back that is not its own, and gives up what waits", () => {
  const memory = new RangeMemory(), long = memory.take(300 * KiB), own = memory.take(5);
  assertEquals(long.length, 300 * KiB);
  memory.giveBack(long);
  memory.giveBack(new Uint8Array(5));
  assertEquals(memory.freeBytes, 0);
  memory.giveBack(own);
  memory.end();
  assertEquals([memory.freeBytes, own.length], [0, 0]);
});

Deno.test("PageSet reads ranges into the memory of those that came back, if it is told that they do", async () => {
  const t = new ObjectsFixture(), object = t.putPages(1, 40), bytes = t.disk.contents(object.path);
  const set = new PageSet(t.objects, { keep: false, reuse: true });
  const take = async (offset: number, length: number) => {
    set.takeRange(object, offset, length);
    await set.fetch();
    const range = set.takeRange(object, offset, length);
    assertEquals(range, bytes.slice(offset, offset + length));
    return range as Uint8Array<ArrayBuffer>;
  };
  const first = await take(block + 10, 9000), second = await take(block + 20_000, 100);
  set.giveBack(first);
  const third = await take(block + 50_000, 20_000);
  assertStrictEquals(third.buffer, first.buffer);
  assert(third.buffer !== second.buffer);
  assertEquals(second, bytes.slice(block + 20_000, block + 20_100), "nobody else reads there meanwhile");
  set.giveBack(third);
  set.end();
  assertEquals(third.length, 0);
  const plain = new PageSet(t.objects, { keep: false });
  plain.giveBack(second);
  plain.end();
  assertEquals(second.length, 100, "which keeps what it took");
  await t.close();
});
