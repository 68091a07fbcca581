import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { AssertionError } from "../../../src/base/mod.ts";
import { BufferPool } from "../../../src/io/memory/buffer_pool.ts";
import { drain } from "../../../src/sim/mod.ts";

const memory = { allocateMemory: (length: number) => new Uint8Array(length) };

function poolOf(buffers: number): BufferPool {
  return new BufferPool(memory, { bufferBytes: 4096, budgetBytes: buffers * 4096 + 4095 });
}

Deno.test("BufferPool.take() waits when the budget is taken, in the order of asking", async () => {
  const pool = poolOf(2);
  const first = await pool.take();
  const second = await pool.take();
  const served: number[] = [];
  const waiting = [1, 2, 3].map(async (n) => {
    const buffer = await pool.take();
    served.push(n);
    return buffer;
  });
  await drain();
  assertEquals([served, pool.tryTake()], [[], undefined]);
  first.release();
  assertEquals(pool.tryTake(), undefined, "nobody overtakes those who wait");
  await drain();
  assertEquals(served, [1]);
  second.release();
  (await waiting[0]).release();
  await drain();
  assertEquals(served, [1, 2, 3]);
  assertEquals(pool.takenBytes, 2 * 4096);
  (await waiting[1]).release();
  (await waiting[2]).release();
  assertEquals([pool.takenBytes, pool.heldBytes], [0, 2 * 4096]);
});

Deno.test("BufferPool.takeNow() goes beyond the budget, and what is over it is not kept", async () => {
  const pool = poolOf(1);
  const buffers = [pool.takeNow(), pool.takeNow(), pool.takeNow()];
  assertEquals(pool.takenBytes, 3 * 4096);
  let served = false;
  const waiting = pool.take().then((buffer) => {
    served = true;
    return buffer;
  });
  buffers[0].release();
  buffers[1].release();
  await drain();
  assertEquals(served, false, "the budget is taken still");
  buffers[2].release();
  (await waiting).release();
  assertEquals([pool.takenBytes, pool.heldBytes], [0, 4096]);
});

Deno.test("BufferPool reuses memory", () => {
  const pool = poolOf(2);
  const first = pool.takeNow();
  const memory = first.bytes;
  first.release();
  const again = pool.takeNow();
  assertStrictEquals(again.bytes, memory);
  const other = pool.takeNow();
  assert(other.bytes !== memory, "two who hold a buffer hold two");
  again.release();
  other.release();
});

Deno.test("BufferPool has one buffer at least, whatever its budget", async () => {
  const pool = new BufferPool(memory, { bufferBytes: 8192, budgetBytes: 1 });
  (await pool.take()).release();
  assertEquals(pool.heldBytes, 8192);
});

Deno.test("BufferPool counts nothing as taken when there is no memory", () => {
  const pool = new BufferPool({
    allocateMemory() {
      throw new RangeError("Array buffer allocation failed");
    },
  }, { bufferBytes: 4096, budgetBytes: 4096 });
  assertThrows(() => pool.takeNow(), RangeError);
  assertEquals(pool.takenBytes, 0);
});

Deno.test("BufferPool.take() rejects who waits when there is no memory for what comes back", async () => {
  let left = 1;
  const pool = new BufferPool({
    isLost: true,
    allocateMemory(byteLength) {
      if (left-- < 1) throw new RangeError("Array buffer allocation failed");
      return memory.allocateMemory(byteLength);
    },
  }, { bufferBytes: 4096, budgetBytes: 4096 });
  const first = await pool.take();
  const others = [pool.take(), pool.take()].map((taken) => assertRejects(() => taken, RangeError));
  first.release();
  await Promise.all(others);
  left = 1;
  (await pool.take()).release();
  assertEquals(pool.takenBytes, 0);
});

Deno.test("BufferPool.reclaim() refuses memory that nobody took", () => {
  assertThrows(() => poolOf(1).reclaim(new Uint8Array(4096)), AssertionError, "B2");
});

Deno.test("BufferPool() refuses buffers that are no multiple of a block", () => {
  assertThrows(() => new BufferPool(memory, { bufferBytes: 5000, budgetBytes: 1 << 20 }), AssertionError);
});
