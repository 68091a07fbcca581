/** What a value that patches make may be. */

import { assertEquals, assertThrows } from "@std/assert";
import { LimitError } from "../../../mod.ts";
import { maxValueBytes } from "../../../src/base/mod.ts";
import { Redoer } from "../../../src/timeline/redo/redo.ts";

Deno.test("Redoer.redo() gives a value of the largest length, and names the key of one that is longer", () => {
  const key = new TextEncoder().encode("page/1"), patches = [new Uint8Array(1)];
  const redoer = (length: number) => new Redoer(() => new Uint8Array(length));
  assertEquals(redoer(maxValueBytes).redo(key, 7, undefined, patches).length, maxValueBytes);
  const error = assertThrows(
    () => redoer(maxValueBytes + 1).redo(key, 7, undefined, patches),
    LimitError,
    'Cannot redo patches of key "page/1" at LSN 7: the value has 67108865 bytes, the limit is 67108864',
  );
  assertEquals(error.key, key);
});
