/**
 * The changes that a record of patches was made of.
 *
 * ```
 *   patch k: p, q              ──►   patch(k, p) │ patch(k, q)
 *   patched k: v, p            ──►   put(k, v) │ patch(k, p)
 *   patched k: nothing, p      ──►   delete(k) │ patch(k, p)          joined again where they are appended (B1)
 * ```
 *
 * @module
 */

import type { PatchList } from "../../../layer/mod.ts";
import type { KeyChange } from "./change_batch.ts";

/**
 * The changes of a key that are told of patches, and of what they stand on if that came with them.
 *
 * @param key The key, which is given out with the first of them; others have it as memory of their own.
 * @param list The patches, which are nobody else's.
 */
export function changesOfPatches(
  key: Uint8Array<ArrayBuffer>,
  { isWhole, base, patches }: PatchList,
): KeyChange[] {
  const changes: KeyChange[] = patches.map((patch) => ({ key: key.slice(), patch }));
  if (base !== undefined) changes.unshift({ key, value: base });
  else if (isWhole) changes.unshift({ key, delete: true });
  else changes[0] = { key, patch: patches[0] };
  return changes;
}
