import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { encodeKey, type Key, type KeyPart, KeyWriter, LimitError } from "../../../src/base/mod.ts";
import { Random } from "../../random.ts";

const utf8 = new TextEncoder();

/** Parts of every kind, with bytes and characters that are escaped, and lengths at which bigints change their form. */
function anyParts(random: Random): KeyPart[] {
  const bytes = () => random.bytes(random.from(0, 20)).map((byte) => random.once(3) ? 0 : byte);
  const kinds: (() => KeyPart)[] = [
    bytes,
    () => Array.from({ length: random.from(0, 9) }, () => random.pick(["a", "\0", "é", "한", "😀"])).join(""),
    () => new DataView(random.bytes(8).buffer).getFloat64(0),
    () => (random.once(2) ? -1n : 1n) * BigInt(`0x0${random.bytes(random.from(0, 12)).toHex()}`),
    () => random.once(2),
  ];
  return Array.from({ length: random.from(0, 5) }, () => random.pick(kinds)());
}

Deno.test("KeyWriter writes what encodeKey() makes, behind its prefix", () => {
  const random = new Random(1), writer = new KeyWriter(), behind = new KeyWriter(["user", 42]);
  for (let i = 0; i < 3000; i++) {
    const parts = anyParts(random);
    if (parts.length > 0) assertEquals(writer.write(parts), encodeKey(parts));
    assertEquals(behind.write(parts), encodeKey(["user", 42, ...parts]));
  }
});

Deno.test("KeyWriter takes strings and bytes too", () => {
  const writer = new KeyWriter("a/");
  assertEquals(writer.write("é").slice(), utf8.encode("a/é"));
  assertEquals(writer.write(Uint8Array.of(0, 1)).slice(), Uint8Array.of(0x61, 0x2f, 0, 1));
  assertEquals(writer.write("").slice(), utf8.encode("a/"));
});

Deno.test("KeyWriter lends the same memory again, and encodeKey() gives its own", () => {
  const writer = new KeyWriter(), first = writer.write([1]);
  assertStrictEquals(writer.write([2]), first);
  assertEquals(first, encodeKey([2]));
  const key = encodeKey([1]);
  encodeKey([2]);
  assertEquals(key, writer.write([1]));
});

Deno.test("KeyWriter writes a key that it lent, and that of another", () => {
  const writer = new KeyWriter(Uint8Array.of(9)), other = new KeyWriter();
  assertEquals(writer.write(other.write(["a"])), Uint8Array.of(9, 2, 0x61, 0));
  assertEquals(writer.write(writer.write(Uint8Array.of(7))), Uint8Array.of(9, 9, 7));
});

Deno.test("KeyWriter refuses what is empty or over 512 bytes, its prefix included", () => {
  const writer = new KeyWriter(), behind = new KeyWriter("x".repeat(500));
  for (const key of ["", new Uint8Array(0), []]) assertThrows(() => writer.write(key), LimitError, "empty");
  const long: Key[] = ["é".repeat(7), new Uint8Array(13), ["y".repeat(11)], [1, 1], [1n << 80n], [
    1,
    true,
    1n,
    true,
  ]];
  for (const key of long) assertThrows(() => behind.write(key), LimitError, "the limit is 512", `${key}`);
  const found = (key: Key) => assertThrows(() => behind.write(key), LimitError).found;
  assertEquals(long.map(found), [514, 513, 513, 518, 514, 513]);
  assertEquals([behind.write("é".repeat(6)), behind.write(["y".repeat(10)])].map(({ length }) => length), [
    512,
    512,
  ]);
  assertThrows(() => new KeyWriter("x".repeat(513)), LimitError);
});

Deno.test("KeyWriter refuses what is no key", () => {
  for (const key of [5, null, undefined, {}, new Uint16Array(1)] as unknown as Key[]) {
    assertThrows(() => new KeyWriter().write(key), TypeError, "an array of parts");
  }
  for (const part of [null, {}, ["a"]] as unknown as KeyPart[]) {
    assertThrows(() => new KeyWriter().write([part]), TypeError, "Cannot encode key: expected");
  }
  for (const text of ["\ud800", "\udc00", "a\ud83d", "\ude00\ud83d", "\ud83da"]) {
    assertThrows(() => new KeyWriter().write([text]), TypeError, "lone surrogate");
  }
});
