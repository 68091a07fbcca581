import { assertEquals, assertThrows } from "@std/assert";
import {
  compareKeys,
  encodeKey,
  type Key,
  keyBytes,
  type KeyPart,
  KeyPrefix,
  LimitError,
  prefixBounds,
} from "../../../src/base/mod.ts";

type Bounds = ReturnType<typeof prefixBounds>;

function holds({ start, end }: Bounds, key: Key): boolean {
  const bytes = keyBytes(key);
  return compareKeys(bytes, start) >= 0 && (end === undefined || compareKeys(bytes, end) < 0);
}

const keys: KeyPart[][] = [
  ["use"],
  ["user"],
  ["user", new Uint8Array(0)],
  ["user", ""],
  ["user", NaN],
  ["user", -(2n ** 100n)],
  ["user", true],
  ["user", true, 1],
  ["user\0"],
  ["user\0", 1],
  ["user\xff"],
  ["users"],
];

Deno.test("prefixBounds() of parts are the keys that begin with them, and none that goes on with the last", () => {
  const found = keys.filter((key) => holds(prefixBounds(["user"]), key));
  assertEquals(found, keys.filter(([first]) => first === "user"));
  const within = keys.filter((key) => holds(prefixBounds(["user", true]), key));
  assertEquals(within, [["user", true], ["user", true, 1]]);
});

Deno.test("prefixBounds() of bytes or a string are the keys that begin with these bytes", () => {
  const bytes = encodeKey(["user"]);
  assertEquals(keys.filter((key) => holds(prefixBounds(bytes), key)).length, 9);
  assertEquals(["a", "ab", "a\uffff", "b"].map((key) => holds(prefixBounds("a"), key)), [
    true,
    true,
    true,
    false,
  ]);
});

Deno.test("prefixBounds() of nothing are all keys", () => {
  for (const prefix of [[], "", new Uint8Array(0)]) {
    assertEquals(prefixBounds(prefix), { start: new Uint8Array(0), end: undefined });
  }
});

Deno.test("KeyPrefix stands behind another as if both were one", () => {
  const nested = new KeyPrefix([42], new KeyPrefix(["user"])), once = new KeyPrefix(["user", 42]);
  assertEquals([nested.bytes, nested.end], [once.bytes, once.end]);
  assertEquals(nested.keyOf(["name"]), encodeKey(["user", 42, "name"]));
  const text = new KeyPrefix("b/", new KeyPrefix("a/"));
  assertEquals([text.bytes, text.end], [keyBytes("a/b/"), keyBytes("a/b0")]);
});

Deno.test("KeyPrefix that is empty behind another is that other", () => {
  for (const outer of [["user"], "user"]) {
    const prefix = new KeyPrefix(outer);
    for (const inner of [[], ""]) {
      const same = new KeyPrefix(inner, prefix);
      assertEquals([same.bytes, same.end], [prefix.bytes, prefix.end]);
    }
  }
  assertThrows(() => new KeyPrefix([], new KeyPrefix(["user"])).write(Uint8Array.of(0xff)), RangeError);
});

Deno.test("KeyPrefix of bytes that no other stands behind ends where the one around it does", () => {
  assertEquals(new KeyPrefix(Uint8Array.of(0xff), new KeyPrefix("a")).end, keyBytes("b"));
  assertEquals(new KeyPrefix(Uint8Array.of(0xff)).end, undefined);
});

Deno.test("KeyPrefix of parts takes no key that would go on with the last of them", () => {
  const prefix = new KeyPrefix(["user"]);
  assertThrows(() => prefix.write(Uint8Array.of(0xff, 0x61, 0)), RangeError, "go on with the last part");
  assertThrows(() => new KeyPrefix(Uint8Array.of(0xff), prefix), RangeError);
  assertEquals(new KeyPrefix("user").write(Uint8Array.of(0xff)).length, 5);
});

Deno.test("KeyPrefix has 512 bytes for all, and may be all of it", () => {
  const prefix = new KeyPrefix("x".repeat(512));
  assertEquals(prefix.write([]).length, 512);
  assertThrows(() => prefix.write("y"), LimitError, "513");
  assertThrows(() => new KeyPrefix("y", prefix), LimitError);
  assertThrows(() => new KeyPrefix("x".repeat(513)), LimitError);
});
