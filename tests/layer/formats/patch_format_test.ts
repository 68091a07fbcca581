import { assertEquals } from "@std/assert";
import { decodePatches, RecordKind, writePatch, writePatchHead } from "../../../src/layer/mod.ts";

const { PATCH, PATCHED } = RecordKind;

function encode(...parts: (number[] | undefined)[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(100), view = new DataView(bytes.buffer);
  let end = 3;
  for (const part of parts) {
    end = part === undefined ? writePatchHead(view, end) : writePatch(view, end, new Uint8Array(part));
  }
  return bytes.slice(0, end);
}

Deno.test("decodePatches() reads what was written, into memory of its own", () => {
  const bytes = encode([1, 2], [], [3]);
  const found = decodePatches(PATCH, bytes, 3, bytes.length)!;
  bytes.fill(9);
  assertEquals(found, {
    isWhole: false,
    base: undefined,
    patches: [new Uint8Array([1, 2]), new Uint8Array(0), new Uint8Array([3])],
  });
});

Deno.test("decodePatches() tells a base from none, and from one without bytes", () => {
  for (
    const [first, base] of [[undefined, undefined], [[], new Uint8Array(0)], [
      [7],
      new Uint8Array([7]),
    ]] as const
  ) {
    const bytes = encode(first && [...first], [1]);
    const expected = { isWhole: true, base, patches: [new Uint8Array([1])] };
    assertEquals(decodePatches(PATCHED, bytes, 3, bytes.length), expected);
  }
});

Deno.test("decodePatches() finds nothing in what was not written so", () => {
  const whole = encode([1, 2], [3]);
  for (let end = 3; end < whole.length; end++) {
    if (end !== 9) assertEquals(decodePatches(PATCH, whole, 3, end), undefined, `cut at ${end}`);
  }
  assertEquals(decodePatches(PATCHED, encode([1]), 3, 8), undefined, "a base without patches");
  assertEquals(decodePatches(PATCH, encode(undefined, [1]), 3, 12), undefined, "no base where none may be");
  assertEquals(
    decodePatches(PATCHED, encode([1], undefined), 3, 12),
    undefined,
    "no base in a patch's place",
  );
});
