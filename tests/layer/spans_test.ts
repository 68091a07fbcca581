import { assertEquals } from "@std/assert";
import { compareKeys } from "../../src/base/mod.ts";
import { compareSpans, isSameSpan } from "../../src/layer/spans.ts";

/** Puts bytes behind and before bytes that are not theirs. */
function within(bytes: readonly number[], before: number): Uint8Array {
  return Uint8Array.from([...new Array(before).fill(200 + before), ...bytes, 100 + before]);
}

Deno.test("compareSpans() and isSameSpan() tell what compareKeys() tells, wherever the bytes lie", () => {
  const spans = [[], [0], [1], [0, 0], [0, 1], [1, 0], [255], [127], [128], [1, 2, 3], [1, 2, 4], [2, 2, 3]];
  for (const one of spans) {
    for (const other of spans) {
      const expected = Math.sign(compareKeys(Uint8Array.from(one), Uint8Array.from(other)));
      const a = within(one, 3), b = within(other, 5);
      assertEquals(
        Math.sign(compareSpans(a, 3, one.length, b, 5, other.length)),
        expected,
        `${one} ${other}`,
      );
      if (one.length !== other.length) continue;
      assertEquals(isSameSpan(a, 3, b, 5, one.length), expected === 0, `${one} ${other}`);
    }
  }
});
