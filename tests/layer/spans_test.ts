import { assertEquals } from "@std/assert";
import { compareKeys, viewOf } from "../../src/base/mod.ts";
import { compareSpans, compareViews, isSameSpan } from "../../src/layer/spans.ts";

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

Deno.test("compareViews() tells what compareKeys() tells, of spans of any length and of one piece of memory", () => {
  const spans = [
    [],
    [0],
    [255],
    [1, 2, 3],
    [1, 2, 3, 4],
    [1, 2, 3, 128],
    [128, 2, 3, 4],
    [1, 2, 3, 4, 0],
    [
      ...[1, 2, 3, 4, 5, 6, 7, 8],
    ],
    [1, 2, 3, 4, 5, 6, 7, 9],
    [1, 2, 3, 4, 255, 6, 7, 8],
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  ];
  for (const one of spans) {
    for (const other of spans) {
      const expected = Math.sign(compareKeys(Uint8Array.from(one), Uint8Array.from(other)));
      const a = viewOf(within(one, 3)),
        b = viewOf(within(other, 5)),
        both = viewOf(
          Uint8Array.from([...one, ...other]),
        );
      const found = [
        compareViews(a, 3, one.length, b, 5, other.length),
        compareViews(both, 0, one.length, both, one.length, other.length),
      ];
      assertEquals(found.map(Math.sign), [expected, expected], `${one} and ${other}`);
    }
    const view = viewOf(Uint8Array.from(one));
    for (let length = 0; length <= one.length; length++) {
      assertEquals(
        Math.sign(compareViews(view, 0, length, view, 0, one.length)),
        Math.sign(length - one.length),
      );
    }
  }
});
