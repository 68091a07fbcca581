import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { LimitError, maxValueBytes } from "../../src/base/mod.ts";
import { decodePatches, readRecordHeader, recordHeaderBytes, RecordKind } from "../../src/layer/mod.ts";
import { Batch, joinPatches, recordsOf } from "../../src/segment/mod.ts";

const decoder = new TextDecoder();
const words: Readonly<Record<number, string>> = {
  [RecordKind.PUT]: "put",
  [RecordKind.DELETE]: "delete",
  [RecordKind.PATCH]: "patch",
  [RecordKind.PATCHED]: "patched",
};

/** The records of a batch once they are joined: `a patch 1,2`, `b patched -,1`. */
function joined(batch: Batch): string[] {
  const { bytes, view, end } = joinPatches(recordsOf(batch)), found: string[] = [];
  for (let at = 0; at < end;) {
    const { kind, keyLength, valueLength } = readRecordHeader(view, at)!;
    const start = at + recordHeaderBytes + keyLength;
    const key = decoder.decode(bytes.subarray(at + recordHeaderBytes, start));
    const list = kind === RecordKind.PUT || kind === RecordKind.DELETE
      ? undefined
      : decodePatches(kind, bytes, start, start + valueLength)!;
    const parts = list === undefined ? [decoder.decode(bytes.subarray(start, start + valueLength))] : [
      ...list.isWhole ? [list.base && decoder.decode(list.base) || "-"] : [],
      ...list.patches.map((one) => decoder.decode(one)),
    ];
    found.push(`${key} ${words[kind]} ${parts.join(",")}`.trim());
    at = start + valueLength;
  }
  return found;
}

const cases: [name: string, batch: Batch, expected: string[]][] = [
  ["one patch", new Batch().patch("a", "1"), ["a patch 1"]],
  ["patches of one key", new Batch().patch("a", "1").patch("b", "2").patch("a", "3"), [
    "b patch 2",
    "a patch 1,3",
  ]],
  ["a value and patches", new Batch().put("a", "v").patch("a", "1").patch("a", "2"), ["a patched v,1,2"]],
  ["a deletion and a patch", new Batch().delete("a").patch("a", "1"), ["a patched -,1"]],
  ["a patch and a value", new Batch().patch("a", "1").put("a", "v"), ["a put v"]],
  ["a patch and a deletion", new Batch().patch("a", "1").delete("a"), ["a delete"]],
  [
    "all of them",
    new Batch().put("a", "v").patch("a", "1").delete("a").patch("a", "2").put("b", "w").put("b", "x"),
    [
      "a patched -,2",
      "b put w",
      "b put x",
    ],
  ],
  ["patches without bytes", new Batch().patch("a", "").patch("a", ""), ["a patch ,"]],
];

Deno.test("joinPatches() leaves one record of each key that is patched", () => {
  for (const [name, batch, expected] of cases) assertEquals(joined(batch), expected, name);
});

Deno.test("joinPatches() leaves the batch as it is, so that it can be appended again", () => {
  const batch = new Batch().put("a", "v").patch("a", "1");
  assertEquals([joined(batch), batch.size], [["a patched v,1"], 2]);
  batch.patch("a", "2");
  assertEquals(joined(batch), ["a patched v,1,2"]);
  batch.clear();
  assertEquals(joined(batch.put("a", "w")), ["a put w"]);
});

Deno.test("joinPatches() copies nothing where no key has more than one record", () => {
  for (const batch of [new Batch().put("a", "1").put("a", "2"), new Batch().patch("a", "1").put("b", "2")]) {
    assertStrictEquals(joinPatches(recordsOf(batch)), recordsOf(batch));
  }
});

Deno.test("Batch.patch() and joinPatches() refuse what is too long", () => {
  const long = new Uint8Array(maxValueBytes - 4), batch = new Batch();
  assertThrows(() => batch.patch("a", new Uint8Array(maxValueBytes - 3)), LimitError);
  assertEquals(batch.size, 0);
  assertEquals(joinPatches(recordsOf(batch.patch("a", long))).count, 1);
  assertThrows(() => joinPatches(recordsOf(batch.patch("a", ""))), LimitError);
});
