/** Memory that threads share is used again, and no more of it is kept than may be. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { SharedMemoryPool } from "../../../src/io/mod.ts";
import { Random, seeds } from "../../random.ts";

const KiB = 1024;

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
