import { assertEquals } from "@std/assert";
import { decodeStatx } from "../../../src/io/posix/statx.ts";

/** A `struct statx` with the words given by their offsets. */
function statx(words: Record<number, number>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(256);
  for (const [at, word] of Object.entries(words)) {
    new DataView(bytes.buffer).setUint32(Number(at), word, true);
  }
  return bytes;
}

Deno.test("decodeStatx() reads the alignment of memory and of offsets", () => {
  assertEquals(decodeStatx(statx({ 0x00: 0x2fff, 0x98: 4, 0x9c: 512 })), { memory: 4, offset: 512 });
});

Deno.test("decodeStatx() takes the stricter alignment when reads have their own", () => {
  const words = { 0x98: 4, 0x9c: 512, 0xb4: 4096 };
  assertEquals(decodeStatx(statx({ ...words, 0x00: 0x22000 })), { memory: 4, offset: 4096 });
  assertEquals(decodeStatx(statx({ ...words, 0x00: 0x2000 })), { memory: 4, offset: 512 });
  assertEquals(decodeStatx(statx({ 0x00: 0x22000, 0x98: 4, 0x9c: 4096, 0xb4: 0 })), {
    memory: 4,
    offset: 4096,
  });
});

Deno.test("decodeStatx() tells that there is no direct IO from not knowing", () => {
  assertEquals(decodeStatx(statx({ 0x00: 0x2000 })), { memory: 0, offset: 0 });
  assertEquals(decodeStatx(statx({ 0x00: 0x7ff, 0x98: 512, 0x9c: 512 })), undefined);
});
