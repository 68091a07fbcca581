import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  boundBytes,
  compareKeys,
  type Key,
  keyBytes,
  LimitError,
  prefixEnd,
  typeName,
} from "../../src/base/mod.ts";
import { Random } from "../random.ts";

Deno.test("keyBytes() takes 1 to 512 bytes, and a string for its UTF-8", () => {
  const bytes = new Uint8Array(512);
  assertStrictEquals(keyBytes(bytes), bytes);
  assertEquals(keyBytes("ä🦕"), Uint8Array.of(0xc3, 0xa4, 0xf0, 0x9f, 0xa6, 0x95));
  assertEquals(keyBytes("ä".repeat(256)).length, 512);
  for (const key of ["", new Uint8Array(0), new Uint8Array(513), "ä".repeat(257), "x".repeat(513)]) {
    assertThrows(() => keyBytes(key), LimitError);
  }
});

Deno.test("keyBytes() and boundBytes() refuse other types by name", () => {
  const wrong: [unknown, string][] = [
    [1, "number"],
    [null, "null"],
    [undefined, "undefined"],
    [[null], "null"],
    [{}, "Object"],
  ];
  wrong.push([new Uint16Array(1), "Uint16Array"], [Object.create(null), "object"]);
  for (const [key, name] of wrong) {
    assertThrows(() => keyBytes(key as Key), TypeError, `found ${name}`);
    assertThrows(() => boundBytes(key as Key), TypeError, `found ${name}`);
    if (!Array.isArray(key)) assertEquals(typeName(key), name);
  }
});

Deno.test("boundBytes() takes empty and long bounds", () => {
  assertEquals(boundBytes("").length, 0);
  assertEquals(boundBytes(new Uint8Array(5000)).length, 5000);
});

Deno.test("compareKeys() orders bytewise, a prefix first", () => {
  const random = new Random(1);
  const keys = Array.from({ length: 200 }, () => random.bytes(random.from(0, 4)).map((byte) => byte & 0x81));
  for (const a of keys) {
    for (const b of keys) {
      const expected = a.toHex() < b.toHex() ? -1 : a.toHex() > b.toHex() ? 1 : 0;
      assertEquals(Math.sign(compareKeys(a, b)), expected);
    }
  }
});

Deno.test("prefixEnd() is the first key after every key with the prefix", () => {
  assertEquals(prefixEnd(Uint8Array.of(1, 2)), Uint8Array.of(1, 3));
  assertEquals(prefixEnd(Uint8Array.of(1, 0xff, 0xff)), Uint8Array.of(2));
  assertEquals(prefixEnd(Uint8Array.of(0xff)), undefined);
  assertEquals(prefixEnd(new Uint8Array(0)), undefined);
  const random = new Random(2);
  for (let i = 0; i < 2000; i++) {
    const prefix = random.bytes(random.from(1, 3)).map((byte) => random.once(2) ? 0xff : byte);
    const before = prefix.slice();
    const end = prefixEnd(prefix);
    const key = random.bytes(random.from(1, 5));
    const starts = prefix.every((byte, at) => key[at] === byte);
    const inside = compareKeys(key, prefix) >= 0 && (end === undefined || compareKeys(key, end) < 0);
    assert(starts === inside, "the range holds just the keys with the prefix");
    assertEquals(prefix, before);
  }
});
