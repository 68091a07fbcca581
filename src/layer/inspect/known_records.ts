/**
 * Where records stand, from the index of their layer.
 *
 * @module
 */

import { blockBytes } from "../../base/mod.ts";
import type { StoredLayer } from "../layer.ts";
import type { ObjectSource, Pace } from "./pieces.ts";
import { readLeaves } from "./read_pages.ts";
import { mostSlots, mostStretchBytes, Slots } from "./slots.ts";

/**
 * Reads from the index of a layer where its records stand, so that whoever crosses damage in its values takes nothing
 * for a record that only lies within one.
 *
 * @param objects Where it lies.
 * @param layer The layer.
 * @param pace Whose turns are given, and who may stop it.
 * @returns Where the next record at or after an offset stands, in a sorted layer that or the next run; `undefined` if the index cannot be read whole, or has more
 * than a million slots.
 */
export async function knownRecords(
  objects: ObjectSource,
  layer: StoredLayer,
  pace: Pace,
): Promise<((offset: number) => number | undefined) | undefined> {
  const { versions, valuesEnd, leafPages } = layer.description;
  if (versions > mostSlots || valuesEnd > mostStretchBytes) return undefined;
  const slots = new Slots(blockBytes, valuesEnd, versions);
  let isFitting = true, leaves = 0;
  await readLeaves(objects, layer, pace, (block) => {
    leaves++;
    isFitting &&= slots.count + block.count <= versions;
    if (isFitting) slots.add(block);
  });
  if (!isFitting || leaves < leafPages) return undefined;
  await slots.sort(pace);
  return (offset) => {
    const place = slots.find(offset);
    return place < slots.count ? slots.offsetOf(place) : undefined;
  };
}
