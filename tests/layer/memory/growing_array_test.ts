import { assert, assertEquals } from "@std/assert";
import { bytesIn, GrowingArray, ownMemory, wordsIn } from "../../../src/layer/memory/growing_array.ts";
import { Random } from "../../random.ts";

Deno.test("GrowingArray keeps what was written, however much is asked for at once", () => {
  const random = new Random(1);
  for (const most of [1, 3, 100, 5000]) {
    const growing = new GrowingArray(wordsIn(ownMemory), 16);
    const expected: number[] = [];
    while (expected.length < 50_000) {
      const more = random.from(1, most);
      const array = growing.reserve(expected.length, more);
      assert(array.length >= expected.length + more, "there is room");
      for (let i = 0; i < more; i++) {
        array[expected.length] = expected.length * 7;
        expected.push(expected.length * 7);
      }
    }
    assertEquals([...growing.reserve(expected.length, 0).subarray(0, expected.length)], expected);
  }
});

Deno.test("GrowingArray is copied before it is full, a little at a time", () => {
  const growing = new GrowingArray(bytesIn(ownMemory), 1 << 16);
  let used = 0, copied = 0, array = growing.reserve(0, 0);
  while (array.length < 1 << 20) {
    const before = array;
    array = growing.reserve(used, 16);
    if (array !== before) {
      copied++;
      assert(used < before.length - 16, "it was not full");
      assertEquals(growing.next, undefined);
    }
    array[used] = 1;
    growing.next?.set([1], used);
    used += 16;
  }
  assertEquals(copied, 4);
});

Deno.test("GrowingArray of an index that is as large as expected does not grow", () => {
  const growing = new GrowingArray(bytesIn(ownMemory), 1125);
  growing.reserve(990, 10);
  assertEquals([growing.next, growing.byteLength], [undefined, 1125]);
  growing.reserve(1000, 60);
  assertEquals([growing.next?.length, growing.byteLength], [2250, 3375]);
});
