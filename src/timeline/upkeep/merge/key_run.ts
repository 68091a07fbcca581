/**
 * How much the versions of one key are, so that those that fill layers become layers of their own.
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";
import { compareRowKey, pageCursor, type StoredLayer } from "../../../layer/mod.ts";
import { PageSet } from "../../../objects/mod.ts";
import type { MergeContext } from "./merge_context.ts";

/** Versions of one key. */
export interface KeyRun {
  /** The bytes of their records. */
  readonly bytes: number;
  /** How many there are. */
  readonly versions: number;
}

/**
 * Adds up the versions of a key from an LSN on, by the indexes of layers alone. A version that two layers have counts
 * twice.
 *
 * @param context The timeline.
 * @param layers The layers.
 * @param key The key.
 * @param fromLsn The LSN.
 * @param check Throws if it must stop.
 */
export async function measureKey(
  context: Pick<MergeContext, "objects" | "host">,
  layers: readonly StoredLayer[],
  key: Uint8Array,
  fromLsn: Lsn,
  check: () => void,
): Promise<KeyRun> {
  const { objects, host: { turns } } = context, pages = new PageSet(objects, { keep: false });
  let bytes = 0, versions = 0;
  for (const layer of layers) {
    const cursor = pageCursor(layer, { start: key, startLsn: fromLsn });
    for (;;) {
      while (!cursor.settle(pages)) {
        check();
        await pages.fetch();
      }
      const { ended, block, at } = cursor;
      if (ended || compareRowKey(block, at, key) !== 0) break;
      bytes += block.length[at];
      versions++;
      cursor.step();
      if (turns.due()) await turns.turn();
    }
  }
  return { bytes, versions };
}
