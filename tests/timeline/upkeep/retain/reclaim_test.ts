import { assert, assertEquals } from "@std/assert";
import { lastKind, RecordKind, terminalFlag } from "../../../../src/layer/mod.ts";
import { flagsOfKind } from "../../../../src/layer/formats/run_format.ts";
import { planReclaim, type ReclaimedLayer } from "../../../../src/timeline/upkeep/retain/reclaim.ts";

/** A layer of keys from one letter to another and of a range of LSNs, 100 versions of as many keys unless it says more. */
function layer(
  sequence: number,
  keys: string,
  lsns: [first: number, last: number],
  more: Partial<ReclaimedLayer> = {},
): ReclaimedLayer {
  const [firstLsn, lastLsn] = lsns, [first, last = first] = keys;
  return {
    sequence,
    firstKey: new TextEncoder().encode(first),
    lastKey: new TextEncoder().encode(last),
    firstLsn,
    lastLsn,
    versions: 100,
    tombstones: 0,
    patches: 0,
    keys: 100,
    byteLength: 1000,
    horizon: 0,
    ...more,
  };
}

const one = { keys: 1 }, none = { keys: 0, versions: 0 };

// What is planned for horizon 50: work, sequences, bytes, and whether it is worth it.
const cases: [string, ReclaimedLayer[], [string, number[], number, boolean][]][] = [
  ["nothing", [], []],
  ["what is above the horizon", [layer(1, "az", [51, 60], { keys: 10 }), layer(2, "az", [61, 70])], []],
  ["a layer with one version of each key", [layer(1, "az", [1, 50])], []],
  ["a layer with two of each", [layer(1, "az", [1, 50], { keys: 50 })], [["merge", [1], 500, true]]],
  ["one that is merged already", [layer(1, "az", [1, 60], { keys: 50, horizon: 50 })], []],
  ["one that was merged under an earlier horizon", [layer(1, "az", [1, 75], { keys: 50, horizon: 25 })], [
    ["merge", [1], 250, true],
  ]],
  ["one that is mostly above", [layer(1, "az", [41, 140], { keys: 50 })], [["merge", [1], 50, false]]],
  ["deletions", [layer(1, "az", [1, 50], { tombstones: 30 })], [["merge", [1], 300, true]]],
  ["layers over each other", [layer(1, "an", [1, 20]), layer(2, "mz", [21, 40])], [[
    "merge",
    [1, 2],
    1000,
    true,
  ]]],
  ["layers beside each other", [layer(1, "am", [1, 20]), layer(2, "nz", [21, 40])], []],
  ["older layers of one key", [
    layer(1, "a", [1, 9], one),
    layer(2, "a", [10, 50], one),
    layer(3, "a", [51, 60], one),
  ], [
    ["remove", [1], 1000, true],
    ["merge", [2, 3], 990, true],
  ]],
  ["layers of one key whose LSNs overlap", [layer(1, "a", [1, 20], one), layer(2, "a", [20, 50], one)], [
    ["merge", [1, 2], 1990, true],
  ]],
  ["layers without versions but the last", [layer(1, "", [1, 9], none), layer(2, "", [10, 20], none)], [
    ["remove", [1], 1000, true],
  ]],
];

Deno.test("planReclaim() finds what may go, and about how much that is", () => {
  for (const [name, layers, expected] of cases) {
    const found = planReclaim(layers, 50).map(({ work, layers, bytes, isWorth }) =>
      [work, layers.map(({ sequence }) => sequence), bytes, isWorth] as [string, number[], number, boolean]
    );
    assertEquals(found, expected, name);
    assertEquals(planReclaim(layers.toReversed(), 50).length, expected.length, name);
  }
});

Deno.test("planReclaim() never finds more bytes than there are", () => {
  for (const [, layers] of cases) {
    for (let horizon = 0; horizon < 160; horizon++) {
      const bytes = planReclaim(layers, horizon).reduce((sum, plan) => sum + plan.bytes, 0);
      assert(bytes >= 0 && bytes <= layers.length * 1000, `${bytes} at ${horizon}`);
    }
  }
});

Deno.test("planReclaim() may remove unread what is covered by a layer that needs nothing older", () => {
  const { PATCH, MARK, PAD, TIME } = RecordKind, others: readonly number[] = [MARK, PAD, TIME];
  for (let kind = RecordKind.PUT as number; kind <= lastKind; kind++) {
    if (others.includes(kind)) continue;
    // Of those that do, a description says how many there are.
    assertEquals((flagsOfKind(kind) & terminalFlag) === 0, kind === PATCH, `kind ${kind}`);
  }
  const removed = (patches: number) =>
    planReclaim([layer(1, "a", [1, 9], one), layer(2, "a", [10, 50], { ...one, patches })], 50)
      .filter(({ work }) => work === "remove").flatMap(({ layers }) =>
        layers.map(({ sequence }) => sequence)
      );
  assertEquals([removed(0), removed(1)], [[1], []]);
});

Deno.test("planReclaim() expects no deletion to go where tombstones are kept", () => {
  const layers = [layer(1, "az", [1, 50], { keys: 50, tombstones: 40 })];
  const bytesOf = (keepsTombstones: boolean) =>
    planReclaim(layers, 50, keepsTombstones).reduce((sum, { bytes }) => sum + bytes, 0);
  assertEquals([bytesOf(false), bytesOf(true)], [900, 500]);
  assertEquals(planReclaim([layer(1, "az", [1, 50], { tombstones: 30 })], 50, true), []);
});
