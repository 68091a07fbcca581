/** The order of keys in a batch, and of LSNs among rows. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { compareKeys } from "../../../../src/base/mod.ts";
import { VersionBlock } from "../../../../src/layer/mod.ts";
import { inKeyOrder } from "../../../../src/timeline/read/feed/key_order.ts";
import { inLsnOrder } from "../../../../src/timeline/read/feed/lsn_order.ts";
import { Random, seeds } from "../../../random.ts";

const encoder = new TextEncoder();

/** Rows that have keys, in the order of these. */
function blockOf(keys: readonly Uint8Array[]): VersionBlock {
  const block = new VersionBlock(keys.length, keys.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  keys.forEach((key, row) => {
    block.bytes.set(key, end);
    block.keyStart[row] = end;
    block.keyLength[row] = key.length;
    end += key.length;
  });
  block.count = keys.length;
  return block;
}

function numbers(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => i);
}

/** The last row of each key, in the order of keys. */
function expectedOrder(keys: readonly Uint8Array[]): number[] {
  const last = new Map(keys.map((key, row) => [key.toHex(), row]));
  return [...last.values()].sort((a, b) => compareKeys(keys[a], keys[b]));
}

Deno.test("inKeyOrder() leaves rows as they are that are in order", () => {
  const rows = numbers(3), block = blockOf(["a", "ab", "b"].map((key) => encoder.encode(key)));
  assertStrictEquals(inKeyOrder(block, rows), rows);
  assertEquals([...inKeyOrder(block, numbers(0))], []);
});

Deno.test("inKeyOrder() leaves the last of rows that have one key", () => {
  const keys = ["b", "a", "b", "a\0", "a", "b"].map((key) => encoder.encode(key));
  assertEquals([...inKeyOrder(blockOf(keys), numbers(keys.length))], [4, 3, 5]);
  // Also where they stand side by side, in order otherwise.
  const same = ["a", "b", "b", "c"].map((key) => encoder.encode(key));
  assertEquals([...inKeyOrder(blockOf(same), numbers(4))], [0, 2, 3]);
});

Deno.test("inKeyOrder() orders keys of any kind, in batches of any size, as compareKeys() does", () => {
  for (const seed of seeds("order of keys in a batch", 6)) {
    const random = new Random(seed);
    for (const count of [2, 3, 40, 300, 8192, 8193, 20_000]) {
      const kind = random.below(4), spread = random.pick([5, 300, 1e9]);
      const keys = Array.from({ length: count }, () => {
        const number = random.below(spread);
        if (kind === 0) return encoder.encode(`a-long-prefix-that-all-have/${number}`);
        if (kind === 1) return encoder.encode(`user/${number % 9}/name-of-a-field/${number}`);
        if (kind === 2) return random.bytes(random.from(1, 9)).map((byte) => byte & 3);
        return new Uint8Array(random.from(1, 40)).fill(0xff).with(0, number);
      });
      assertEquals([...inKeyOrder(blockOf(keys), numbers(count))], expectedOrder(keys));
    }
  }
});

/** Runs a sort to its end; returns how often it would have let go of the event loop, too. */
function run(sort: Generator<void, Uint32Array>): { rows: number[]; steps: number } {
  for (let steps = 0;; steps++) {
    const { done, value } = sort.next();
    if (done) return { rows: [...value], steps };
  }
}

Deno.test("inLsnOrder() orders rows by LSNs of any size, and keeps rows of one LSN as they came", () => {
  for (const seed of seeds("order of LSNs", 10)) {
    const random = new Random(seed), count = random.from(0, 3000), base = random.pick([1, 2 ** 33, 2 ** 52]);
    const spread = random.pick([1, 20, 2 ** 16, 2 ** 17, 2 ** 34, 2 ** 50]);
    const lsns = Float64Array.from(
      { length: count },
      () => base + Math.floor(random.word() / 2 ** 32 * spread),
    );
    const expected = [...lsns.keys()].sort((a, b) => lsns[a] - lsns[b] || a - b);
    assertEquals(run(inLsnOrder(lsns, count)).rows, expected);
  }
});

Deno.test("inLsnOrder() lets go of the event loop now and then", () => {
  const lsns = Float64Array.from({ length: 200_000 }, (_, i) => 1 + i * 7919 % 100_003);
  const { rows, steps } = run(inLsnOrder(lsns, lsns.length));
  assert(steps >= 6, `${steps} steps`);
  assert(rows.every((row, i) => i === 0 || lsns[rows[i - 1]] <= lsns[row]));
});
