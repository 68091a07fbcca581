/**
 * By which names a store is known that cannot be opened.
 *
 * @module
 */

import { holdsManifest, logKind, storeKind } from "../../manifest/mod.ts";
import { parseTimelineName } from "../../objects/mod.ts";

/**
 * Whether something is left of a store in a directory of these names: a manifest, or what is named as a timeline, unless
 * it is a log's.
 */
export function isStoreLeft(names: readonly string[]): boolean {
  if (holdsManifest(names, storeKind)) return true;
  return !holdsManifest(names, logKind) && names.some((name) => parseTimelineName(name) !== undefined);
}
