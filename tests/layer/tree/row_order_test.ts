/** The order of rows, and the range that a layer states: what breaks either is found, wherever it stands. */

import { assertEquals } from "@std/assert";
import { RowOrder, type StatedRange } from "../../../src/layer/tree/row_order.ts";
import { Random, seeds } from "../../random.ts";
import { blockOf, randomSlots, type Slot } from "./page_fixture.ts";

function slotOf(word: string): Slot {
  const [key, lsn] = word.split("@");
  return { key: new TextEncoder().encode(key), lsn: Number(lsn), offset: 0, tagged: 0 };
}

/** What a layer of slots states that are in order. */
function statedOf(slots: readonly Slot[]): StatedRange {
  const lsns = slots.map(({ lsn }) => lsn);
  const firstLsn = lsns.reduce((a, b) => Math.min(a, b)), lastLsn = lsns.reduce((a, b) => Math.max(a, b));
  return { firstKey: slots[0].key, lastKey: slots[slots.length - 1].key, firstLsn, lastLsn };
}

/** The number of the slot that is found to be out of its place, of slots that come in blocks of so many; −1 if none is. */
function misplaced(stated: StatedRange, slots: readonly Slot[], blockRows: number): number {
  const order = new RowOrder(stated);
  for (let from = 0; from < slots.length; from += blockRows) {
    const block = blockOf(slots.slice(from, from + blockRows));
    const row = order.check(block, 0, block.count);
    if (row >= 0) return from + row;
    // Whoever checks does not keep what it was lent.
    block.bytes.fill(0xdd);
  }
  return -1;
}

const cases: readonly [words: string, at: number][] = [
  ["b@3", -1],
  ["b@3 b@4 c@2 c@9", -1],
  ["b@3 bb@3 bba@3 c@1", -1],
  ["b@3 b@3", 1],
  ["b@4 b@3", 1],
  ["b@3 c@3 b@4", 2],
  ["bb@3 b@3", 1],
  ["bbbbbbbb@3 bbbbbbba@3", 1],
  ["bbbba@3 bbbb@3", 1],
  ["b@3 c@3 c@3 d@1", 2],
  // Outside of the keys b to d, or of the LSNs 1 to 9.
  ["a@3 b@3", 0],
  ["b@3 d@3 da@3", 2],
  ["b@3 e@3", 1],
  ["b@3 c@0 d@1", 1],
  ["b@3 c@10 d@1", 1],
  ["b@0", 0],
];

for (const [words, expected] of cases) {
  Deno.test(`RowOrder.check() of ${words} finds ${expected < 0 ? "nothing" : `row ${expected}`}`, () => {
    const stated = { firstKey: slotOf("b@0").key, lastKey: slotOf("d@0").key, firstLsn: 1, lastLsn: 9 };
    for (const blockRows of [1, 2, Infinity]) {
      assertEquals(misplaced(stated, words.split(" ").map(slotOf), Math.min(blockRows, 9)), expected);
    }
  });
}

Deno.test("RowOrder.check() looks at the rows that it is given alone", () => {
  const block = blockOf(["z@1", "b@3", "c@3", "a@1"].map(slotOf));
  const order = new RowOrder({
    firstKey: slotOf("b@0").key,
    lastKey: slotOf("d@0").key,
    firstLsn: 1,
    lastLsn: 9,
  });
  assertEquals(order.check(block, 1, 3), -1);
  assertEquals(order.check(block, 2, 3), 2, "it does not come behind itself");
});

Deno.test("RowOrder.check() finds nothing in what is sorted, and the first of two neighbours that changed places", () => {
  for (const seed of seeds("row order", 30)) {
    const random = new Random(seed), slots = randomSlots(random, random.pick([2, 30, 400]));
    if (slots.length < 2) continue;
    const stated = statedOf(slots), blockRows = random.from(1, slots.length);
    assertEquals(misplaced(stated, slots, blockRows), -1);
    const at = random.below(slots.length - 1);
    assertEquals(misplaced(stated, slots.toSpliced(at, 2, slots[at + 1], slots[at]), blockRows), at + 1);
  }
});
