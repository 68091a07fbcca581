/** Builds pages of slots, and reads slots back one by one. */

import { assert } from "@std/assert";
import { compareKeys, maxLsn, pageBytes } from "../../../src/base/mod.ts";
import {
  pageHeaderBytes,
  pageSeed,
  prefixLength,
  slotLsn,
  slotOffset,
  slotTaggedLength,
  suffixStart,
} from "../../../src/layer/formats/page_format.ts";
import { VersionBlock } from "../../../src/layer/mod.ts";
import { PageBuilder } from "../../../src/layer/tree/page_builder.ts";
import type { Random } from "../../random.ts";

/** What stands in a page. */
export interface Slot {
  readonly key: Uint8Array;
  readonly lsn: number;
  readonly offset: number;
  /** The length times four, with flags. */
  readonly tagged: number;
}

function compareSlots(a: Slot, b: Slot): number {
  return compareKeys(a.key, b.key) || a.lsn - b.lsn;
}

/** Sorted slots, all different, with keys that share as much as `random` wants them to. */
export function randomSlots(random: Random, count: number): Slot[] {
  const prefix = random.bytes(random.pick([0, 0, 1, 30, 400]));
  const longest = random.pick([1, 3, 20, 512 - prefix.length]);
  const lsnOf = random.pick([
    () => random.long(),
    () => random.from(1, 3),
    () => maxLsn - random.below(70_000),
  ]);
  const limit = random.pick([1, 2 ** 16, 2 ** 32]);
  const slots: Slot[] = [];
  for (let i = 0; i < count; i++) {
    const key = new Uint8Array(prefix.length + random.from(prefix.length === 0 ? 1 : 0, longest));
    key.set(prefix);
    for (let at = prefix.length; at < key.length; at++) key[at] = random.pick([0, 1, 255, random.below(256)]);
    slots.push({ key, lsn: lsnOf(), offset: random.below(limit), tagged: random.below(limit) });
  }
  slots.sort(compareSlots);
  return slots.filter((slot, i) => i === 0 || compareSlots(slots[i - 1], slot) !== 0);
}

/** Slots as a block; each key lies there by itself. */
export function blockOf(slots: readonly Slot[]): VersionBlock {
  const block = new VersionBlock(slots.length, slots.reduce((sum, { key }) => sum + key.length, 0));
  let start = 0;
  slots.forEach(({ key, lsn, offset, tagged }, row) => {
    block.bytes.set(key, start);
    block.keyStart[row] = start;
    block.keyLength[row] = key.length;
    block.lsn[row] = lsn;
    block.offset[row] = offset;
    block.length[row] = Math.floor(tagged / 4);
    block.flags[row] = tagged & 3;
    start += key.length;
  });
  block.count = slots.length;
  return block;
}

/** Builds pages of slots; returns each with what it should hold. Slots come in blocks of so many. */
export function buildPages(
  slots: readonly Slot[],
  level: number = 0,
  blockRows: number = Infinity,
): { page: Uint8Array<ArrayBuffer>; held: Slot[] }[] {
  const builder = new PageBuilder(level);
  const pages: { page: Uint8Array<ArrayBuffer>; held: Slot[] }[] = [];
  let first = 0;
  const finish = (end: number) => {
    const page = new Uint8Array(pageBytes).fill(0xee);
    builder.finish(page, pageSeed(1, pages.length));
    pages.push({ page, held: slots.slice(first, end) });
    first = end;
  };
  for (let from = 0; from < slots.length; from += blockRows) {
    const block = blockOf(slots.slice(from, from + blockRows));
    let row = 0;
    while ((row = builder.add(block, row, block.count)) < block.count) {
      finish(from + row);
      assert(builder.count === 0, "it starts anew");
    }
    // Who adds does not keep what it lent.
    block.bytes.fill(0xdd);
  }
  finish(slots.length);
  return pages;
}

/** Reads a slot. */
export function readSlot(page: Uint8Array, slot: number): Slot {
  const prefix = page.subarray(pageHeaderBytes, pageHeaderBytes + prefixLength(page));
  return {
    key: Uint8Array.of(...prefix, ...page.subarray(suffixStart(page, slot), suffixStart(page, slot + 1))),
    lsn: slotLsn(page, slot),
    offset: slotOffset(page, slot),
    tagged: slotTaggedLength(page, slot),
  };
}
