import { assert, assertEquals } from "@std/assert";
import { dropMemory } from "../../../src/io/mod.ts";

Deno.test("dropMemory() frees memory at once, also of several views and twice, and leaves what is shared", () => {
  const bytes = new Uint8Array(1 << 20), words = new Uint32Array(bytes.buffer), other = new Float64Array(100);
  dropMemory(bytes, words, other);
  assertEquals([bytes.length, words.length, other.length], [0, 0, 0]);
  assert(bytes.buffer.detached);
  dropMemory(bytes);
  const shared = new Uint8Array(new SharedArrayBuffer(100));
  dropMemory(shared);
  assertEquals(shared.length, 100);
});
