/** Memory that threads share is used again, and no more of it is kept than may be. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { openEngine, SharedMemoryPool } from "../../../src/io/mod.ts";
import { Random, seeds } from "../../random.ts";

const KiB = 1024;

/** Resolves when what was resolved before has been taken note of. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

Deno.test("SharedMemoryPool gives back what is as large or a little larger, and nothing that is in use", () => {
  const pool = new SharedMemoryPool(Infinity);
  const first = pool.take(1000 * KiB), second = pool.take(1000 * KiB);
  assert(first !== second);
  pool.giveBack(first);
  assertStrictEquals(pool.take(990 * KiB), first);
  assert(pool.take(990 * KiB) !== first, "in use");
  pool.giveBack(second);
  assert(pool.take(100 * KiB) !== second, "much less");
  assert(pool.take(1200 * KiB) !== second, "more");
  assertEquals(pool.freeBytes, second.byteLength);
});

Deno.test("SharedMemoryPool takes the smallest that will do, and leaves what is larger to who wants more", () => {
  const pool = new SharedMemoryPool(Infinity);
  const sizes = [8, 9, 10, 11].map((size) => size * 1024 * KiB), all = sizes.map((size) => pool.take(size));
  for (const order of [[0, 1, 2, 3], [3, 1, 0, 2]]) {
    for (const at of order) pool.giveBack(all[at]);
    assertEquals(sizes.map((size) => all.indexOf(pool.take(size - 4096))), [0, 1, 2, 3]);
  }
});

Deno.test("SharedMemoryPool has what is asked for, in whole words, and wastes an eighth or the least there is", () => {
  for (const seed of seeds("shared memory", 20)) {
    const pool = new SharedMemoryPool(1024 * KiB), random = new Random(seed);
    for (let i = 0; i < 100; i++) {
      const wanted = random.from(1, 2 ** random.from(1, 24)), { byteLength } = pool.take(wanted);
      assert(byteLength >= wanted && byteLength % 4096 === 0, `${wanted}: ${byteLength}`);
      assert(byteLength <= Math.max(64 * KiB, wanted * 1.126), `${wanted}: ${byteLength}`);
    }
  }
});

Deno.test("SharedMemoryPool keeps no more than may be, the newest of it", () => {
  const pool = new SharedMemoryPool(300 * KiB);
  const all = Array.from({ length: 5 }, () => pool.take(128 * KiB));
  for (const memory of all) pool.giveBack(memory);
  assertEquals(pool.freeBytes, 256 * KiB);
  const kept = [pool.take(128 * KiB), pool.take(128 * KiB)];
  assert(kept.every((memory) => all.slice(3).includes(memory)));
  assertEquals(pool.freeBytes, 0);
});

Deno.test("SharedMemoryPool gives the room of what was not used for longest back, and hands out what takes some", async () => {
  const pool = new SharedMemoryPool(Infinity, 256 * KiB), discarded: SharedArrayBuffer[] = [];
  const all = Array.from({ length: 4 }, () => pool.take(128 * KiB));
  let can = true;
  const discard = (memory: SharedArrayBuffer) => Promise.resolve(can && discarded.push(memory) > 0);
  for (const memory of all) pool.giveBack(memory, discard);
  assertEquals(discarded.map((memory) => all.indexOf(memory)), [0, 1]);
  await settled();
  assertEquals([pool.freeBytes, pool.spareBytes], [512 * KiB, 256 * KiB]);
  assertStrictEquals(pool.take(128 * KiB), all[3]);
  assertEquals(pool.spareBytes, 128 * KiB);
  assertStrictEquals(pool.take(128 * KiB), all[2]);
  assertStrictEquals(pool.take(128 * KiB), all[1]);
  assertEquals([pool.freeBytes, pool.spareBytes], [128 * KiB, 0]);
  // What cannot be given back is counted.
  can = false;
  for (const memory of all.slice(1)) pool.giveBack(memory, discard);
  await settled();
  assertEquals([pool.freeBytes, pool.spareBytes], [512 * KiB, 384 * KiB]);
});

Deno.test("SharedMemoryPool hands nothing out that is being given back to the system, and counts it", async () => {
  const pool = new SharedMemoryPool(Infinity, 128 * KiB), given = Promise.withResolvers<boolean>();
  const [first, second] = [pool.take(128 * KiB), pool.take(128 * KiB)];
  for (const memory of [first, second]) pool.giveBack(memory, () => given.promise);
  assertEquals([pool.freeBytes, pool.spareBytes], [128 * KiB, 256 * KiB]);
  assertStrictEquals(pool.take(128 * KiB), second);
  assert(pool.take(128 * KiB) !== first, "it is nobody's meanwhile");
  given.resolve(true);
  await settled();
  assertEquals([pool.freeBytes, pool.spareBytes], [128 * KiB, 0]);
  assertStrictEquals(pool.take(128 * KiB), first);
});

Deno.test("SharedMemoryPool.takeZeros() has zeros, whatever memory held", async () => {
  for (const can of [true, false]) {
    const pool = new SharedMemoryPool(Infinity, 128 * KiB);
    const discard = (memory: SharedArrayBuffer) => {
      if (can) new Uint8Array(memory).fill(0);
      return Promise.resolve(can);
    };
    const all = Array.from({ length: 3 }, () => pool.take(128 * KiB));
    for (const memory of all) {
      new Uint8Array(memory).fill(7);
      pool.giveBack(memory, discard);
    }
    await settled();
    const taken = Array.from({ length: 4 }, () => pool.takeZeros(127 * KiB));
    for (const memory of taken) assert(new Uint8Array(memory).every((byte) => byte === 0));
    assertEquals(taken.filter((memory) => all.includes(memory)).length, 3);
    assertEquals([pool.freeBytes, pool.spareBytes], [0, 0]);
  }
});

Deno.test("IoEngine.discard() gives room back to the system, and memory can be written to again", async () => {
  const { engine } = await openEngine({});
  try {
    const memory = new SharedArrayBuffer(1000 * KiB), bytes = new Uint8Array(memory).fill(7);
    const isGiven = await engine.discard?.(memory) === true;
    // Where the C library is at hand it can be; the node engine never does.
    assertEquals(isGiven, engine.name !== "node");
    const zeros = bytes.reduce((count, byte) => byte === 0 ? count + 1 : count, 0);
    assertEquals(zeros, isGiven ? bytes.length : 0);
    assert(bytes.fill(8).every((byte) => byte === 8));
  } finally {
    await engine.shutdown();
  }
  assertEquals(engine.discard?.(new SharedArrayBuffer(64 * KiB)), undefined, "nobody is asked after the end");
});
