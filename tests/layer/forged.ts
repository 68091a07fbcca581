/** Layers that check and lie, as only somebody leaves them who makes checksums right. */

import { assert, assertEquals } from "@std/assert";
import { blockBytes, crc32, pageBytes, viewOf } from "../../src/base/mod.ts";
import {
  columnsStart,
  pageCount,
  pageSeed,
  putUint,
  slotOffset,
  slotTaggedLength,
  stampPage,
  suffixStart,
} from "../../src/layer/formats/page_format.ts";
import { lengthInRun, RunHeads } from "../../src/layer/formats/run_format.ts";
import { encodeFooter, type LayerDescription, type StoredLayer } from "../../src/layer/mod.ts";
import type { Row } from "./layer_fixture.ts";

/** Changes a page in the bytes of a layer's file, and makes its checksum right again. */
export function forgePage(
  bytes: Uint8Array,
  { description: { valuesEnd }, seed }: StoredLayer,
  number: number,
  change: (page: Uint8Array) => void,
): void {
  const start = valuesEnd + number * pageBytes, page = bytes.subarray(start, start + pageBytes);
  change(page);
  stampPage(page, pageSeed(seed, number));
}

/** What stands of a slot in a page: its suffix, and its number in each column. */
function partsOf(page: Uint8Array, slot: number): Uint8Array[] {
  const count = pageCount(page),
    parts = [page.subarray(suffixStart(page, slot), suffixStart(page, slot + 1))];
  let start = columnsStart(page);
  for (const width of page.subarray(10, 15)) {
    parts.push(page.subarray(start + slot * width, start + (slot + 1) * width));
    start += count * width;
  }
  return parts;
}

/** Puts a slot in the place of another one, whose suffix is as long. */
export function copySlot(page: Uint8Array, from: number, to: number): void {
  putParts(page, to, partsOf(page, from));
}

/** Lets two slots whose suffixes are equally long change places. */
export function exchangeSlots(page: Uint8Array, a: number, b: number): void {
  const parts = partsOf(page, a).map((part) => part.slice());
  copySlot(page, b, a);
  putParts(page, b, parts);
}

function putParts(page: Uint8Array, slot: number, parts: readonly Uint8Array[]): void {
  partsOf(page, slot).forEach((own, i) => {
    assertEquals(own.length, parts[i].length, "the suffixes are equally long");
    own.set(parts[i]);
  });
}

/**
 * Lets two records that are equally long, of one run in the first page of an index, change places in the bytes of a
 * layer's file, and makes what is summed of the run right again.
 */
export function exchangeRecords(
  bytes: Uint8Array<ArrayBuffer>,
  layer: StoredLayer,
  a: Pick<Row, "offset" | "length">,
  b: Pick<Row, "offset" | "length">,
): void {
  assertEquals(a.length, b.length, "the records are equally long");
  const one = bytes.slice(a.offset, a.offset + a.length);
  bytes.copyWithin(a.offset, b.offset, b.offset + b.length);
  bytes.set(one, b.offset);
  forgePage(bytes, layer, 0, (page) => {
    const slot = slotOfRun(page, a.offset);
    assertEquals(slotOfRun(page, b.offset), slot, "they are in one run");
    sumAgain(page, slot, bytes);
  });
}

function slotOfRun(page: Uint8Array, offset: number): number {
  const slot = Array.from({ length: pageCount(page) }, (_, slot) => slot)
    .findLast((slot) => slotOffset(page, slot) <= offset);
  assert(slot !== undefined, "a slot leads there");
  return slot;
}

function sumAgain(page: Uint8Array, slot: number, bytes: Uint8Array): void {
  const start = slotOffset(page, slot), end = start + Math.floor(slotTaggedLength(page, slot) / 4);
  const heads = new RunHeads(), view = viewOf(bytes), [sum, headSum] = partsOf(page, slot).slice(-2);
  for (let at = start; at < end; at += lengthInRun(bytes, at, end)) {
    heads.add(view, at, bytes[at + 6] | bytes[at + 7] << 8);
  }
  for (const [part, value] of [[sum, crc32(bytes.subarray(start, end))], [headSum, heads.sum()]] as const) {
    assert(value < 256 ** part.length, "the sum fits its column");
    putUint(part, 0, part.length, value);
  }
}

/** What a layer is described as that states something else, which its footer in the bytes of its file then does too. */
export function restate(
  bytes: Uint8Array,
  { description }: StoredLayer,
  change: Partial<LayerDescription>,
): LayerDescription {
  const restated = { ...description, ...change };
  bytes.set(encodeFooter(restated), description.byteLength - blockBytes);
  return restated;
}
