import { assertEquals, assertThrows } from "@std/assert";
import { AssertionError } from "../../src/base/mod.ts";
import { objectId, type ObjectName, parseObjectId } from "../../src/objects/mod.ts";
import { parseTimelineName, timelineName } from "../../src/objects/object_id.ts";
import { Random, seeds } from "../random.ts";

const name: ObjectName = { timeline: 0xabc, firstLsn: 17, sequence: 3, generation: 2, kind: "seg" };
const text = "0000000000000abc/00000000000011-00000003-00000002.seg";
const most = Number.MAX_SAFE_INTEGER;

Deno.test("objectId() has fixed width, whatever it names", () => {
  assertEquals<string>(objectId(name), text);
  const largest = { timeline: most, firstLsn: most, sequence: 2 ** 32 - 1, generation: 2 ** 32 - 1 };
  assertEquals<string>(
    objectId({ ...largest, kind: "image" }),
    "001fffffffffffff/1fffffffffffff-ffffffff-ffffffff.image",
  );
});

Deno.test("objectId() is read back by parseObjectId()", () => {
  for (const seed of seeds("object ids", 3)) {
    const random = new Random(seed);
    for (let i = 0; i < 200; i++) {
      const some: ObjectName = {
        timeline: random.long(),
        firstLsn: random.long(),
        sequence: random.word(),
        generation: random.word(),
        kind: random.pick(["seg", "delta", "image"]),
      };
      assertEquals(parseObjectId(objectId(some)), some);
    }
  }
});

Deno.test("objectId() refuses what has no fixed width: our own mistake", () => {
  for (
    const wrong of [
      { sequence: 2 ** 32 },
      { generation: -1 },
      { firstLsn: 1.5 },
      { timeline: 2 ** 53 },
      { sequence: NaN },
    ]
  ) assertThrows(() => objectId({ ...name, ...wrong }), AssertionError);
});

Deno.test("parseObjectId() reads nothing but ids", () => {
  assertEquals(parseObjectId(text), name);
  for (
    const other of [
      "",
      text.toUpperCase(),
      `/${text}`,
      `../${text}`,
      `${text}\n`,
      text.replace("seg", "segment"),
      text.replace("/", "//"),
      text.slice(1),
      `0${text}`,
      text.replace("0000000000000abc", "0020000000000000"),
      text.replace("00000000000011", "20000000000000"),
      text.replace("-", "_"),
    ]
  ) assertEquals(parseObjectId(other), undefined, other);
});

Deno.test("parseTimelineName() reads the names of timelines only", () => {
  assertEquals(parseTimelineName(timelineName(most)), most);
  for (const other of ["", "abc", "lock", "ffffffffffffffff", "0000000000000ABC", "0000000000000abc/"]) {
    assertEquals(parseTimelineName(other), undefined, other);
  }
});
