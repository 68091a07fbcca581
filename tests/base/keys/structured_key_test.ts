import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { LimitError } from "../../../src/base/errors.ts";
import { compareKeys } from "../../../src/base/key.ts";
import type { KeyPart } from "../../../src/base/keys/key_part.ts";
import { decodeKey, encodeKey } from "../../../src/base/keys/structured_key.ts";
import { seeds } from "../../random.ts";

fc.configureGlobal({ seed: [...seeds("structured keys", 1)][0] });

/** The order that the encoding must keep, written as plainly as possible. */
function compareParts(a: KeyPart[], b: KeyPart[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = comparePart(a[i], b[i]);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function rank(part: KeyPart): number {
  return part instanceof Uint8Array ? 0 : ["string", "number", "bigint", "boolean"].indexOf(typeof part) + 1;
}

function comparePart(a: KeyPart, b: KeyPart): number {
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (a instanceof Uint8Array) return compareKeys(a, b as Uint8Array);
  if (typeof a === "string") return compareCodePoints(a, b as string);
  if (typeof a === "number") return compareNumbers(a, b as number);
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareCodePoints(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = left[i].codePointAt(0)! - right[i].codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function compareNumbers(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  if (a === 0 && b === 0) return Number(Object.is(b, -0)) - Number(Object.is(a, -0));
  return a < b ? -1 : a > b ? 1 : 0;
}

const bytesPart = fc.uint8Array({ maxLength: 24 });
const zerosPart = fc.uint8Array({ maxLength: 6, max: 1 });
const stringPart = fc.string({ unit: "binary", maxLength: 12 });
const numberPart = fc.double();
const bigintPart = fc.bigInt({ min: -(1n << 300n), max: 1n << 300n });
const smallPart = fc.bigInt({ min: -70000n, max: 70000n });
const part: fc.Arbitrary<KeyPart> = fc.oneof(
  bytesPart,
  zerosPart,
  stringPart,
  numberPart,
  bigintPart,
  smallPart,
  fc.boolean(),
);
const parts = fc.array(part, { maxLength: 4 });

Deno.test("decodeKey() gives back what encodeKey() was given", () => {
  fc.assert(fc.property(parts, (parts) => assertEquals(decodeKey(encodeKey(parts)), parts)), {
    numRuns: 2000,
  });
});

Deno.test("encodeKey() keeps the order of the parts", () => {
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      assertEquals(Math.sign(compareKeys(encodeKey(a), encodeKey(b))), Math.sign(compareParts(a, b)));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("encodeKey() makes of leading parts a prefix", () => {
  fc.assert(fc.property(parts, parts, (a, b) => {
    const prefix = encodeKey(a);
    assertEquals(encodeKey([...a, ...b]).subarray(0, prefix.length), prefix);
  }));
});

Deno.test("encodeKey() makes no part a prefix of another, but for a zero byte that is escaped behind it", () => {
  fc.assert(
    fc.property(part, part, (a, b) => {
      fc.pre(compareParts([a], [b]) !== 0);
      const [left, right] = [encodeKey([a]), encodeKey([b])];
      const isPrefix = compareKeys(left, right.subarray(0, left.length)) === 0;
      assert(!isPrefix || right[left.length] === 0xff);
    }),
    { examples: [[new Uint8Array(0), new Uint8Array(1)], ["a", "a\0"]] },
  );
});

Deno.test("encodeKey() sorts one part of every kind as Deno KV does", () => {
  const sorted: KeyPart[] = [
    new Uint8Array(0),
    Uint8Array.of(0),
    Uint8Array.of(0, 0),
    Uint8Array.of(0, 1),
    Uint8Array.of(0, 255),
    Uint8Array.of(1),
    Uint8Array.of(255),
    "",
    "\0",
    "\0a",
    "a",
    "a\0",
    "a\0b",
    "aa",
    "\uffff",
    "😀",
    -Infinity,
    -Number.MAX_VALUE,
    -1,
    -Number.MIN_VALUE,
    -0,
    0,
    Number.MIN_VALUE,
    1,
    Number.MAX_VALUE,
    Infinity,
    NaN,
    -(1n << 2000n),
    -(1n << 64n),
    -(1n << 64n) + 1n,
    -256n,
    -255n,
    -1n,
    0n,
    1n,
    255n,
    256n,
    (1n << 64n) - 1n,
    1n << 64n,
    1n << 2000n,
    false,
    true,
  ];
  for (let i = 0; i < sorted.length; i++) {
    assertEquals(decodeKey(encodeKey([sorted[i]])), [sorted[i]]);
    if (i > 0) assert(compareKeys(encodeKey([sorted[i - 1]]), encodeKey([sorted[i]])) < 0, `place ${i}`);
  }
});

Deno.test("encodeKey() keeps the sign of zero and any NaN", () => {
  assert(Object.is(decodeKey(encodeKey([-0]))[0], -0));
  assert(Object.is(decodeKey(encodeKey([0]))[0], 0));
  const odd = new Float64Array(new BigUint64Array([0xfff8000000000001n]).buffer)[0];
  assertEquals(encodeKey([odd]), encodeKey([NaN]));
});

Deno.test("encodeKey() makes no parts the empty prefix", () => {
  assertEquals(encodeKey([]), new Uint8Array(0));
  assertEquals(decodeKey(new Uint8Array(0)), []);
});

Deno.test("decodeKey() copies bytes", () => {
  const key = encodeKey([Uint8Array.of(1, 2)]);
  const [bytes] = decodeKey(key);
  key.fill(9);
  assertEquals(bytes, Uint8Array.of(1, 2));
});

Deno.test("encodeKey() makes bytes that never change", () => {
  const parts = ["user", 42, "é\0😀", -1.5, 7n, -(2n ** 70n), true, Uint8Array.of(0, 255)];
  const hex = "02757365720003c04500000000000002c3a900fff09f988000034007ffffffffffff" +
    "1a0710fff6bfffffffffffffffff310100ffff00";
  assertEquals(encodeKey(parts).toHex(), hex);
});

Deno.test("encodeKey() refuses other types and lone surrogates", () => {
  for (const bad of [null, undefined, {}, [], new Uint16Array(1), Symbol()] as unknown as KeyPart[]) {
    assertThrows(() => encodeKey([bad]), TypeError, "Cannot encode key: expected");
  }
  assertThrows(() => encodeKey(["\ud800"]), TypeError, "lone surrogate");
  assertThrows(() => encodeKey("user" as unknown as KeyPart[]), TypeError, "found string");
});

Deno.test("encodeKey() refuses more than 512 bytes", () => {
  assertEquals(encodeKey([new Uint8Array(510).fill(1)]).length, 512);
  assertThrows(() => encodeKey([new Uint8Array(511).fill(1)]), LimitError, "its length is 513 bytes");
  assertThrows(() => encodeKey([1n << 100_000n]), LimitError, "the limit is 512");
  assertThrows(() => encodeKey([-(1n << 4096n)]), LimitError, "the limit is 512");
});

Deno.test("decodeKey() refuses what encodeKey() does not make", () => {
  const bad: Record<string, number[]> = {
    "unknown tag": [0x7f],
    "bytes without an end": [1, 5],
    "string without an end": [2, 0, 0xff],
    "string that is not UTF-8": [2, 0xff, 0],
    "number cut short": [3, 0, 0],
    "unusual NaN": [3, 0xff, 0xf8, 0, 0, 0, 0, 0, 1],
    "negative NaN": [3, 0, 0, 0, 0, 0, 0, 0, 0],
    "bigint cut short": [0x1b, 1],
    "bigint with leading zeros": [0x1b, 0, 1],
    "negative bigint with leading zeros": [0x17, 0xff, 1],
    "short bigint in the long form": [0x22, 0, 1, 5],
    "long bigint cut short": [0x22, 0, 9, 5],
    "length cut short": [0x22, 0],
  };
  for (const [name, bytes] of Object.entries(bad)) {
    assertThrows(() => decodeKey(Uint8Array.from(bytes)), TypeError, "Cannot decode key: found", name);
  }
  assertThrows(() => decodeKey("a" as unknown as Uint8Array), TypeError, "expected a Uint8Array");
});

Deno.test("decodeKey() accepts any bytes only if encodeKey() gives them back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      let decoded: KeyPart[];
      try {
        decoded = decodeKey(bytes);
      } catch (error) {
        assert(error instanceof TypeError);
        return;
      }
      assertEquals(encodeKey(decoded), bytes);
    }),
    { numRuns: 5000 },
  );
});
