import { assertEquals, assertThrows } from "@std/assert";
import { AssertionError } from "../../../src/base/mod.ts";
import { IoBuffer } from "../../../src/io/memory/io_buffer.ts";

Deno.test("IoBuffer.release() gives the memory back once, and voids the buffer", () => {
  const reclaimed: Uint8Array<ArrayBuffer>[] = [];
  const memory = new Uint8Array(8);
  const buffer = new IoBuffer(memory, { reclaim: (bytes) => void reclaimed.push(bytes) });
  assertEquals(buffer.bytes === memory, true);
  buffer.release();
  assertThrows(() => buffer.bytes, AssertionError, "B1");
  assertThrows(() => buffer.release(), AssertionError, "B1");
  assertEquals(reclaimed.length, 1);
});
