import { assert, assertEquals } from "@std/assert";
import { compareKeys } from "../../../src/base/mod.ts";
import { keyFractions } from "../../../src/cli/layers/key_fractions.ts";
import { Random, seeds } from "../../random.ts";
import { assertClose } from "./fixture.ts";

const encoder = new TextEncoder();

function fractions(...keys: (string | Uint8Array)[]): number[] {
  return [...keyFractions(keys.map((key) => typeof key === "string" ? encoder.encode(key) : key))];
}

const tables: [words: string, keys: (string | Uint8Array)[], fractions: number[]][] = [
  ["none", [], []],
  ["one", ["abc"], [0]],
  ["the same", ["abc", "abc"], [0, 0]],
  ["decimal digits", ["k10", "k19", "k20", "k99"], [0.1, 0.19, 0.2, 0.99]],
  ["hexadecimal digits", ["0a", "80", "ff"], [0x0a / 256, 0x80 / 256, 0xff / 256]],
  [
    "letters",
    ["aa", "an", "nz"],
    [0, 13 / 676, (13 * 26 + 25) / 676],
  ],
  ["bytes", [Uint8Array.of(0, 5), Uint8Array.of(64, 5)], [0, 0.25]],
  ["a key that the others begin with", ["k", "k0", "k9"], [0, 1 / 11, 10 / 11]],
];

for (const [words, keys, expected] of tables) {
  Deno.test(`keyFractions() of ${words}`, () => {
    const found = fractions(...keys);
    assertEquals(found.length, expected.length);
    found.forEach((fraction, i) => assertClose(fraction, expected[i], `key ${i}`, 1e-12));
  });
}

Deno.test("keyFractions() keeps the order of keys", () => {
  for (const seed of seeds("key fractions", 30)) {
    const random = new Random(seed),
      [alphabet, longest] = random.pick([["01", 9], ["09az", 9], ["aAzZ/é", 3], ["\0\x01\xff", 3]] as const);
    const keys = Array.from({ length: random.from(1, 60) }, () => {
      const length = random.from(1, longest);
      return encoder.encode(Array.from({ length }, () => random.pick([...alphabet])).join(""));
    }).sort(compareKeys);
    const found = keyFractions(keys);
    for (let i = 1; i < keys.length; i++) {
      const order = Math.sign(compareKeys(keys[i - 1], keys[i]));
      // Keys as short as these differ by more than a number is exact.
      assertEquals(Math.sign(found[i - 1] - found[i]), order, `${keys[i - 1]} and ${keys[i]}`);
    }
    assert(found.every((fraction) => fraction >= 0 && fraction < 1));
  }
});
