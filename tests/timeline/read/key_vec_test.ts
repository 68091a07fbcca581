import { assertEquals, assertThrows } from "@std/assert";
import { LimitError } from "../../../src/base/mod.ts";
import { expandKeys, type KeyVec, ownKey } from "../../../src/timeline/read/key_vec.ts";

Deno.test("expandKeys() expands keys and runs of adjacent keys, in order", () => {
  const vec: KeyVec = { base: new Uint8Array([7, 0xfe]), count: 4 };
  const keys = [...expandKeys(["b", vec, new Uint8Array([9])])];
  assertEquals(keys.map((key) => [...key]), [[98], [7, 0xfe], [7, 0xff], [8, 0], [8, 1], [9]]);
});

Deno.test("expandKeys() refuses what is neither a key nor a run of keys", () => {
  const wrong: [unknown, ErrorConstructor | typeof LimitError, string][] = [
    [7, TypeError, "expected a key or a KeyVec, found number"],
    [{ base: "a" }, TypeError, "found Object"],
    [{ base: "a", count: 0 }, RangeError, "expected a count of 1 or more, found 0"],
    [{ base: "a", count: 1.5 }, RangeError, "found 1.5"],
    [{ base: new Uint8Array([0xff, 0xfe]), count: 3 }, RangeError, "there are fewer of that length"],
    ["", LimitError, "it is empty"],
    [{ base: "", count: 1 }, LimitError, "it is empty"],
  ];
  for (const [key, type, message] of wrong) {
    assertThrows(() => [...expandKeys([key as KeyVec])], type, message);
  }
});

Deno.test("ownKey() copies, also what would share its memory when it is sliced", () => {
  class Sharing extends Uint8Array<ArrayBuffer> {
    override slice(): Uint8Array<ArrayBuffer> {
      return this.subarray();
    }
  }
  const key = new Sharing(new Uint8Array([1, 2, 3]).buffer);
  const own = ownKey(key);
  key.fill(0);
  assertEquals([own.constructor, [...own]], [Uint8Array, [1, 2, 3]]);
});

Deno.test("expandKeys() goes on from where it was, whatever becomes of the keys that it gave", () => {
  const asked = [new Uint8Array([3]), { base: new Uint8Array([0, 250]), count: 20 }, new Uint8Array([4])];
  const keys = expandKeys(asked), seen: number[][] = [];
  for (const key of keys) {
    seen.push([...key]);
    if (seen.length === 1) asked.forEach((key) => ("base" in key ? key.base : key).fill(9));
    if (seen.length % 5 === 0) structuredClone(key, { transfer: [key.buffer] });
    else key.fill(9);
  }
  const adjacent = Array.from({ length: 20 }, (_, i) => [250 + i >> 8, 250 + i & 0xff]);
  assertEquals(seen, [[3], ...adjacent, [4]]);
});
