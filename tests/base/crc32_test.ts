import { assertEquals } from "@std/assert";
import { crc32, crc32Within } from "../../src/base/mod.ts";

Deno.test("crc32() is the one of IEEE 802.3, and goes on from a seed", () => {
  const bytes = new TextEncoder().encode("123456789");
  assertEquals(crc32(bytes), 0xcbf43926);
  assertEquals(crc32(new Uint8Array(0)), 0);
  for (let cut = 0; cut <= 9; cut++) {
    assertEquals(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut))), 0xcbf43926);
  }
  const apart = new Uint8Array(20);
  apart.set(bytes, 5);
  assertEquals(crc32(apart.subarray(5, 14)), 0xcbf43926);
});

Deno.test("crc32Within() is that of the bytes alone, wherever they lie and however many they are", () => {
  const memory = crypto.getRandomValues(new Uint8Array(2000)), bytes = memory.subarray(3, 1500);
  const view = new DataView(memory.buffer, 3, bytes.length);
  for (const length of [0, 1, 7, 8, 9, 17, 138, 255, 256, 257, 511, 512, 513, 1400]) {
    for (const start of [0, 1, 13, bytes.length - length]) {
      const sum = crc32Within(bytes, view, start, start + length);
      assertEquals(sum, crc32(bytes.slice(start, start + length)), `${length} bytes from ${start} on`);
    }
  }
  const last = bytes.length - 20;
  assertEquals(
    crc32Within(bytes, view, last, last + 30),
    crc32(bytes.slice(last)),
    "as far as there are any",
  );
});
