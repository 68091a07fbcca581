import { assertEquals } from "@std/assert";
import { copyBytes, viewOf } from "../../src/base/mod.ts";
import { patterned } from "../store/bytes.ts";

Deno.test("copyBytes() copies any number of bytes from anywhere to anywhere, and no other", () => {
  const from = patterned(2000, 1).subarray(3), view = viewOf(from);
  for (const length of [0, 1, 7, 8, 9, 15, 16, 17, 23, 24, 126, 511, 512, 513, 1500]) {
    for (const [start, at] of [[0, 0], [1, 0], [0, 5], [13, 8], [31, 2]]) {
      const to = patterned(1600, 2).subarray(11), expected = to.slice();
      for (let i = 0; i < length; i++) expected[at + i] = from[start + i];
      copyBytes(view, start, viewOf(to), at, length);
      assertEquals(to, expected, `${length} bytes from ${start} to ${at}`);
    }
  }
});
