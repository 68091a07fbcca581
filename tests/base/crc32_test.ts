import { assertEquals } from "@std/assert";
import { crc32 } from "../../src/base/mod.ts";

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
