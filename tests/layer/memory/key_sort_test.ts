import { assert, assertEquals } from "@std/assert";
import { compareKeys } from "../../../src/base/mod.ts";
import { keyLength, keyStart, keyStride } from "../../../src/layer/memory/key_table.ts";
import { compareInArena, type KeyArena, sortKeySteps } from "../../../src/layer/memory/key_sort.ts";
import { Random } from "../../random.ts";

/** Puts keys into an arena, behind bytes that are of no key. */
function arenaOf(keys: readonly Uint8Array[]): KeyArena {
  const fields = new Int32Array(keys.length * keyStride).fill(-1);
  const bytes = new Uint8Array(keys.reduce((sum, key) => sum + key.length, 3)).fill(0xee);
  let at = 3;
  keys.forEach((key, i) => {
    bytes.set(key, at);
    fields[i * keyStride + keyStart] = at;
    fields[i * keyStride + keyLength] = key.length;
    at += key.length;
  });
  return { bytes, fields };
}

/** Checks the sort against the sort of the language. */
function assertSorts(given: readonly Uint8Array[], what: string): void {
  const seen = new Set<string>();
  const keys = given.filter((key) => !seen.has(key.toHex()) && seen.add(key.toHex()));
  const ids = Uint32Array.from(keys, (_, i) => i);
  for (const _ of sortKeySteps(arenaOf(keys), ids));
  const expected = keys.map((_, i) => i).sort((a, b) => compareKeys(keys[a], keys[b]));
  const wrong = expected.findIndex((id, i) => ids[i] !== id);
  assert(wrong < 0, `${what}: place ${wrong} of ${keys.length} has ${keys[ids[wrong]]?.toHex()}`);
}

/** Keys made of few different bytes, so that they share prefixes and are prefixes of each other. */
function fewBytes(random: Random, count: number, alphabet: readonly number[], longest: number): Uint8Array[] {
  return Array.from({ length: count }, () => {
    return Uint8Array.from({ length: random.from(1, longest) }, () => random.pick(alphabet));
  });
}

Deno.test("sortKeySteps() sorts as sort() does, whatever the keys share", () => {
  const random = new Random(1);
  assertSorts([], "none");
  assertSorts([Uint8Array.of(0)], "one");
  for (let seed = 0; seed < 60; seed++) {
    const count = random.pick([2, 23, 24, 25, 26, 100, 1000]);
    assertSorts(fewBytes(random, count, [0], 512), "zeros of all lengths");
    assertSorts(fewBytes(random, count, [0, 1], 12), "zeros and ones");
    assertSorts(fewBytes(random, count, [0, 255], 9), "the smallest and the largest byte");
    assertSorts(fewBytes(random, count, [0x7f, 0x80], 6), "either side of the sign");
    assertSorts(fewBytes(random, count, [1, 2, 3], 512), "long ones");
    assertSorts(Array.from({ length: count }, () => random.bytes(random.from(1, 5))), "random ones");
  }
});

Deno.test("sortKeySteps() sorts every key of up to two bytes", () => {
  const keys: Uint8Array[] = [];
  for (let a = 0; a < 256; a++) {
    keys.push(Uint8Array.of(a));
    for (let b = 0; b < 256; b++) keys.push(Uint8Array.of(a, b));
  }
  assertSorts(new Random(2).shuffle(keys), "two bytes");
});

Deno.test("sortKeySteps() sorts keys of 1 and of 512 bytes that share all but their ends", () => {
  const random = new Random(3);
  const keys: Uint8Array[] = [];
  for (let i = 0; i < 5000; i++) {
    const key = new Uint8Array(random.pick([1, 4, 5, 508, 509, 510, 511, 512])).fill(7);
    key[key.length - 1] = random.below(256);
    if (key.length > 4) key[key.length - 2] = random.below(256);
    keys.push(key);
  }
  assertSorts(keys, "shared prefixes");
});

Deno.test("sortKeySteps() sorts thousands of keys with the same bytes after other ones", () => {
  const random = new Random(4);
  const keys: Uint8Array[] = [];
  for (let i = 0; i < 20_000; i++) {
    const key = new Uint8Array(random.from(8, 14));
    key[3] = random.below(3);
    key.fill(0xab, 4, 8);
    for (let at = 8; at < key.length; at++) key[at] = random.below(3) * 127;
    keys.push(key);
  }
  assertSorts(keys, "equal words");
});

Deno.test("sortKeySteps() sorts ids that are a part of all, and yields now and then", () => {
  const random = new Random(5);
  const keys = Array.from({ length: 200_000 }, () => random.bytes(8));
  const arena = arenaOf(keys);
  const ids = Uint32Array.from({ length: 100_000 }, (_, i) => 2 * i + 1);
  let yields = 0;
  for (const _ of sortKeySteps(arena, ids)) yields++;
  assert(yields > 2, "it yields");
  for (let i = 1; i < ids.length; i++) {
    assert(compareKeys(keys[ids[i - 1]], keys[ids[i]]) < 0, "they are sorted");
  }
  assertEquals([...ids].every((id) => id % 2 === 1), true);
});

Deno.test("compareInArena() orders as compareKeys() does", () => {
  const random = new Random(6);
  const keys = fewBytes(random, 300, [0, 1, 255], 6);
  const arena = arenaOf(keys);
  for (let a = 0; a < keys.length; a++) {
    for (let b = 0; b < keys.length; b += 7) {
      assertEquals(Math.sign(compareInArena(arena, a, b, 0)), Math.sign(compareKeys(keys[a], keys[b])));
    }
  }
});
