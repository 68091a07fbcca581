/** Ranges for which there is no memory: they fail, each for itself, and nothing else does. */

import { assertEquals, assertInstanceOf } from "@std/assert";
import { Health, MemoryError } from "../../../src/base/mod.ts";
import { RangeRead, type RangeSink } from "../../../src/objects/mod.ts";
import { block, idOf, ObjectsFixture } from "../objects_fixture.ts";
import { withoutMemoryFor } from "../without_memory.ts";

/** Notes what came of each range: its length, or why it failed. */
class Answers implements RangeSink {
  readonly of: (number | Error)[] = [];

  accept(item: number, bytes: Uint8Array, _view: DataView, at: number, length: number): void {
    assertEquals(this.of[item], undefined, "an item is answered once");
    const copy = new Uint8Array(length);
    copy.set(bytes.subarray(at, at + length));
    this.of[item] = copy.length;
  }

  fail(item: number, error: Error): void {
    assertEquals(this.of[item], undefined, "an item is answered once");
    this.of[item] = error;
  }
}

/** Reads `[0, length)` and a block of each of two objects. */
async function read(t: ObjectsFixture, sequences: readonly number[], length: number): Promise<Answers> {
  const answers = new Answers(), objects = sequences.map((sequence) => t.objects.object(idOf(sequence)));
  const wants = objects.flatMap((object) => [{ object, length }, { object, length: block }]);
  const reading = new RangeRead(t.objects, {
    count: wants.length,
    objectOf: (item) => wants[item].object,
    offsetOf: () => 0,
    lengthOf: (item) => wants[item].length,
  }, answers);
  while (!reading.done) await reading.step();
  return answers;
}

Deno.test("RangeRead fails a range of several runs that there is no memory for, and no other", async () => {
  const t = new ObjectsFixture(), length = 5 * 1024 * 1024 + 7;
  for (const sequence of [1, 2]) t.put(sequence, new Uint8Array(6 * 1024 * 1024));
  {
    using _shortage = withoutMemoryFor(length);
    for (let i = 0; i < 20; i++) {
      const { of: [first, ...others] } = await read(t, [1, 2], length);
      assertInstanceOf(first, MemoryError);
      assertInstanceOf(others[1], MemoryError);
      assertEquals([others[0], others[2]], [block, block]);
    }
  }
  assertEquals((await read(t, [1, 2], length)).of, [length, block, length, block]);
  await t.close();
});

Deno.test("RangeRead fails a range in a writer's memory that there is no memory for", async () => {
  const t = new ObjectsFixture(),
    writer = t.objects.create(idOf(1), { health: new Health("it"), reserveBytes: 0 });
  writer.append(new Uint8Array(block + 5));
  {
    using _shortage = withoutMemoryFor(block + 3);
    const { of: [first, other] } = await read(t, [1], block + 3);
    assertInstanceOf(first, MemoryError);
    assertEquals(other, block);
  }
  assertEquals((await read(t, [1], block + 3)).of, [block + 3, block]);
  await writer.abort();
  await t.close();
});

Deno.test("RangeRead fails a range that whoever takes it has no memory for", async () => {
  const t = new ObjectsFixture();
  t.put(1, new Uint8Array(10 * block));
  {
    using _shortage = withoutMemoryFor(block + 3);
    const { of: [first, other] } = await read(t, [1], block + 3);
    assertInstanceOf(first, MemoryError);
    assertEquals(other, block);
  }
  assertEquals((await read(t, [1], block + 3)).of, [block + 3, block]);
  await t.close();
});
