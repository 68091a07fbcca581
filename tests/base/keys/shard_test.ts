import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  decodeKey,
  encodeKey,
  type Key,
  LimitError,
  Shard,
  ShardError,
  shardOf,
  type ShardOptions,
  type Shards,
} from "../../../src/base/mod.ts";

Deno.test("shardOf() tells the same for ever", () => {
  const counts = [1, 2, 3, 16, 65536];
  const known: [Key, number[]][] = [
    ["a", [0, 1, 0, 7, 12727]],
    ["user/42", [0, 1, 0, 15, 6959]],
    [["user", 42], [0, 1, 2, 3, 11907]],
    [Uint8Array.of(0), [0, 1, 1, 7, 37527]],
  ];
  for (const [key, shards] of known) assertEquals(counts.map((count) => shardOf(key, { count })), shards);
});

Deno.test("shardOf() spreads keys that differ in a few bits alone", () => {
  const kinds: ((i: number) => Key)[] = [
    (i) => ["user", i],
    (i) => Uint8Array.of(i >> 8, i),
    (i) => ["user", i * 2 ** 20],
    (i) => `${i}`,
  ];
  for (const keyOf of kinds) {
    for (const count of [2, 7, 64]) {
      const found = new Array<number>(count).fill(0);
      for (let i = 0; i < 200 * count; i++) found[shardOf(keyOf(i), { count })]++;
      assert(found.every((keys) => keys > 120 && keys < 280), `${found}`);
    }
  }
});

Deno.test("shardOf() keeps keys together that have the same stripe, and hashes nothing else of them", () => {
  const stripe = (key: Uint8Array) => encodeKey(decodeKey(key).slice(0, 2));
  for (let user = 0; user < 50; user++) {
    const shards = { count: 16, stripe };
    assertEquals(shardOf(["user", user, "name"], shards), shardOf(["user", user], { count: 16 }));
    assertEquals(shardOf(["user", user, "mail", 7], shards), shardOf(["user", user, "name"], shards));
  }
});

Deno.test("shardOf() lends a stripe no memory of the key", () => {
  const key = Uint8Array.of(1, 2, 3);
  shardOf(key, { count: 2, stripe: (given) => given.fill(0) });
  assertEquals(key, Uint8Array.of(1, 2, 3));
});

Deno.test("Shard.check() names the key and the shard that it belongs to", () => {
  const shard = new Shard("open store", { index: 0, count: 16 });
  const error = assertThrows(() => shard.check(encodeKey(["user", 42])), ShardError);
  assertEquals(
    error.message,
    'Cannot use key ["user", 42]: it belongs to shard 3 of 16, and this is shard 0',
  );
  assertEquals([error.index, error.count, error.owner, error.name], [0, 16, 3, "ShardError"]);
  assertEquals(error.key, encodeKey(["user", 42]));
  new Shard("open store", { index: 3, count: 16 }).check(encodeKey(["user", 42]));
});

Deno.test("Shard and shardOf() refuse shards that cannot be", () => {
  const open = (options: unknown) => () => new Shard("open store", options as ShardOptions);
  const wrong: unknown[] = [null, 5, {}, { index: 0 }, { count: 1 }, { index: "0", count: 1 }, {
    index: 0,
    count: 1n,
  }];
  wrong.push({ index: 0, count: 1, stripe: "a" }, { index: 0, count: 1, seed: 1 });
  for (const options of wrong) assertThrows(open(options), TypeError, "Cannot open store", `${options}`);
  for (
    const [index, count] of [[1, 1], [-1, 1], [0.5, 2], [0, 0], [0, 1.5], [0, 65537], [NaN, 2], [0, Infinity]]
  ) {
    assertThrows(open({ index, count }), RangeError, "Cannot open store", `${index} of ${count}`);
  }
  assertThrows(() => shardOf("a", {} as Shards), TypeError);
  assertThrows(() => shardOf("a", { count: 0 }), RangeError);
  assertThrows(() => shardOf("", { count: 2 }), LimitError);
  const stripe = () => "a" as unknown as Uint8Array;
  assertThrows(
    () => shardOf("a", { count: 2, stripe }),
    TypeError,
    'expected "stripe" to return a Uint8Array, found string',
  );
});
