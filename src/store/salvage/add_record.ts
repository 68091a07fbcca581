/**
 * Putting records that were found into batches, as the changes that they were made of.
 *
 * @module
 */

import { decodePatches, isPatchKind, type PatchList, RecordKind } from "../../layer/mod.ts";
import type { Batch } from "../../segment/mod.ts";

/**
 * Adds the change, or the changes, of a record that checks.
 *
 * @param changes The batch.
 * @param kind The kind of the record.
 * @param key Its key.
 * @param bytes Memory that holds what stands in its value's place, decompressed.
 * @param start Where that starts.
 * @param end Where it ends.
 */
export function addRecord(
  changes: Batch,
  kind: number,
  key: Uint8Array,
  bytes: Uint8Array<ArrayBuffer>,
  start: number,
  end: number,
): void {
  if (kind === RecordKind.DELETE) changes.delete(key);
  else if (kind === RecordKind.PUT) changes.put(key, bytes.subarray(start, end));
  else if (isPatchKind(kind)) addPatches(changes, key, decodePatches(kind, bytes, start, end));
}

/** What a record of patches does not hold as it should was never appended: nothing is added. */
function addPatches(changes: Batch, key: Uint8Array, list: PatchList | undefined): void {
  if (list === undefined) return;
  if (list.base !== undefined) changes.put(key, list.base);
  else if (list.isWhole) changes.delete(key);
  for (const patch of list.patches) changes.patch(key, patch);
}
