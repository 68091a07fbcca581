/** An IO error loses no byte that was acknowledged, poisons the writer, and leaves what was appended readable. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { IoError, PoisonedError } from "../../src/base/mod.ts";
import { drain } from "../../src/sim/mod.ts";
import { block, bytesOf, DirectFixture, isSame, joined } from "./fixture.ts";

const MiB = 1024 * 1024;

for (const tail of ["rewrite", "pad"] as const) {
  Deno.test(`DirectFile: a write that fails loses nothing, whichever of those in flight it is, tail "${tail}"`, async () => {
    for (const failing of [0, 1, 2]) {
      const t = DirectFixture.make(), file = await t.open({ tail });
      const first = bytesOf(5000), rest = bytesOf(3 * MiB, 2);
      await file.append(first);
      await file.sync();
      const { durableLength } = file, all = joined(first, new Uint8Array(durableLength - 5000), rest);
      t.engine.hold = true;
      await file.append(rest);
      const waiting = assertRejects(() => file.sync(), PoisonedError, "EIO");
      await drain();
      const flights = [...t.engine.inFlight];
      assertEquals(flights.length, 3);
      await flights[failing].fail("EIO");
      await t.engine.finishAll();
      await waiting;
      // All of it can be read: from the file what is there, the rest from memory.
      assertEquals([file.length, file.durableLength], [all.length, durableLength]);
      assert(isSame(await file.readAt(0, all.length), all));
      assert(isSame(joined(...await Array.fromAsync(file.readable({ start: 4990 }))), all.subarray(4990)));
      await assertRejects(() => file.append(first), PoisonedError);
      await assertRejects(() => file.sync(), PoisonedError);
      await assertRejects(() => file.close(), PoisonedError);
      assert(isSame(t.contents().subarray(0, durableLength), all.subarray(0, durableLength)));
      const again = await DirectFixture.make(t.disk).open({ length: durableLength });
      assert(isSame(await again.readAt(0, all.length), all.subarray(0, durableLength)));
      await again.close();
    }
  });

  Deno.test(`DirectFile: a tail that cannot be written stays readable, tail "${tail}"`, async () => {
    for (const arrived of [0, block]) {
      const t = DirectFixture.make(), file = await t.open({ tail });
      await file.append(bytesOf(100));
      await file.sync();
      const { durableLength } = file;
      await file.append(bytesOf(50, 2));
      t.faults.set("write", 2, { kind: "error", code: "EIO", arrived });
      await assertRejects(() => file.sync(), PoisonedError, "EIO");
      const all = joined(bytesOf(100), new Uint8Array(durableLength - 100), bytesOf(50, 2));
      assertEquals(file.durableLength, durableLength);
      assert(isSame(await file.readAt(0, all.length), all));
      await assertRejects(() => file.close(), PoisonedError);
      t.checkClosed();
      assert(isSame(t.contents().subarray(0, 100), bytesOf(100)));
    }
  });
}

Deno.test("DirectFile: a stream into a file that fails is told why, and its source is cancelled", async () => {
  const t = DirectFixture.make(), file = await t.open();
  t.faults.failNth("write", 3, "EIO");
  let cancelled: unknown, pulled = 0;
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      pulled++;
      controller.enqueue(bytesOf(MiB, pulled));
    },
    cancel: (reason) => void (cancelled = reason),
  });
  const error = await assertRejects(() => source.pipeTo(file.writable()), PoisonedError, "EIO");
  assertEquals(cancelled, error);
  assert(error.cause instanceof IoError);
  await assertRejects(() => file.close(), PoisonedError);
  t.checkClosed();
});
