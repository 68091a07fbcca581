/**
 * What a feed of changes gives.
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";

/**
 * A change of a key: a whole value, a patch as it was appended, or its deletion. It is a {@linkcode Change}, and may be
 * appended elsewhere as it is. Small keys and values lie side by side, as those of an {@linkcode Entry} do.
 *
 * @typeParam T What values are; patches are bytes.
 */
export type KeyChange<T = Uint8Array<ArrayBuffer>> =
  | { readonly key: Uint8Array<ArrayBuffer>; readonly value: T }
  | { readonly key: Uint8Array<ArrayBuffer>; readonly patch: Uint8Array<ArrayBuffer> }
  | { readonly key: Uint8Array<ArrayBuffer>; readonly delete: true };

/**
 * What changed at one LSN.
 *
 * @typeParam T What values are.
 */
export interface ChangeBatch<T = Uint8Array<ArrayBuffer>> {
  /** The LSN. */
  readonly lsn: Lsn;
  /**
   * What changed, in the order of keys; at least one change. Of a key there is one, but for patches: all of those that the
   * batch has of a key come in their order, behind the value, or the deletion, that they stand on in the batch, if it has
   * that. Appended elsewhere they make the same version. Nothing is redone for it; what upkeep made a whole value of
   * at the horizon comes as that.
   */
  readonly changes: readonly KeyChange<T>[];
}
