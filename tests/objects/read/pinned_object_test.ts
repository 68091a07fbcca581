/** Files that are held open while they are read over a long time. */

import { assertEquals, assertRejects } from "@std/assert";
import { CorruptionError, MemoryError } from "../../../src/base/mod.ts";
import { patterned } from "../../store/bytes.ts";
import { block, ObjectsFixture } from "../objects_fixture.ts";
import { withoutMemoryFor } from "../without_memory.ts";

Deno.test("PinnedObject reads any range, in more buffers than one, and less where the file ends", async () => {
  const t = new ObjectsFixture(), bytes = patterned(7 * block + 100, 1);
  const pinned = await t.objects.pin(t.put(1, bytes));
  for (const offset of [0, 1, block - 1, block, 3 * block + 7, 7 * block, 7 * block + 99]) {
    for (const length of [0, 1, 100, block, 2 * block, 2 * block + 1, 5 * block, 9 * block]) {
      assertEquals(await pinned.read(offset, length), bytes.slice(offset, offset + length));
    }
  }
  for (const offset of [7 * block + 100, 8 * block, 20 * block]) {
    assertEquals((await pinned.read(offset, 10)).length, 0);
  }
  const all = await Promise.all([0, block + 1, 5].map((offset) => pinned.read(offset, 3 * block)));
  assertEquals(all, [0, block + 1, 5].map((offset) => bytes.slice(offset, offset + 3 * block)));
  await pinned.close();
  await t.close();
});

Deno.test("PinnedObject reads on when its object was removed, and none is made of one that has no file", async () => {
  const t = new ObjectsFixture(), bytes = patterned(3 * block, 2), object = t.put(1, bytes);
  const pinned = await t.objects.pin(object);
  await t.engine.remove(object.path);
  assertEquals(await pinned.read(block, block), bytes.slice(block, 2 * block));
  await pinned.close();
  await assertRejects(() => t.objects.pin(object), CorruptionError);
  await t.close();
});

Deno.test("PinnedObject.read() fails with a MemoryError where there is no memory, and reads again", async () => {
  const t = new ObjectsFixture(),
    bytes = patterned(6 * block, 3),
    pinned = await t.objects.pin(t.put(1, bytes));
  const length = 3 * block + 5;
  {
    using _shortage = withoutMemoryFor(length);
    await assertRejects(() => pinned.read(1, length), MemoryError, "Cannot read");
  }
  t.faults.failNext("read", "EIO");
  await assertRejects(() => pinned.read(1, length), Error, "EIO");
  assertEquals(await pinned.read(1, length), bytes.slice(1, 1 + length));
  await pinned.close();
  await t.close();
});
