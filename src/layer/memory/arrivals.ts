/**
 * The versions of an index in the order of their arrival, which is that of their LSNs and of their records in the
 * segment.
 *
 * @module
 */

import type { Lsn } from "../../base/mod.ts";
import type { MemoryIndex } from "./memory_index.ts";

/**
 * The first version that came at an LSN or behind it.
 *
 * @param index The index.
 * @param lsn The LSN.
 * @returns The id of the version; one behind the last if there is none.
 */
export function firstArrival(index: Pick<MemoryIndex, "arrivals" | "lsnOf">, lsn: Lsn): number {
  let low = 0, high = index.arrivals;
  while (low < high) {
    const middle = low + high >>> 1;
    if (index.lsnOf(middle) < lsn) low = middle + 1;
    else high = middle;
  }
  return low;
}
