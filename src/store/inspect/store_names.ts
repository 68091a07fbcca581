/**
 * By which names a store is known that cannot be opened.
 *
 * @module
 */

import { parseManifestName } from "../../manifest/mod.ts";
import { parseTimelineName } from "../../objects/mod.ts";

/** Whether something is left of a store in a directory of these names: a manifest, or what is named as a timeline. */
export function isStoreLeft(names: readonly string[]): boolean {
  return names.some((name) => parseManifestName(name) !== undefined || parseTimelineName(name) !== undefined);
}
