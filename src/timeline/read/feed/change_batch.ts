/**
 * What a feed of changes gives.
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";

/**
 * A change of a key: a whole value, or its deletion. It is a {@linkcode Change}, and may be appended elsewhere as it is.
 * Small keys and values lie side by side, as those of an {@linkcode Entry} do.
 */
export type KeyChange =
  | { readonly key: Uint8Array<ArrayBuffer>; readonly value: Uint8Array<ArrayBuffer> }
  | { readonly key: Uint8Array<ArrayBuffer>; readonly delete: true };

/** What changed at one LSN. */
export interface ChangeBatch {
  /** The LSN. */
  readonly lsn: Lsn;
  /** One change of each key, in the order of keys; at least one. */
  readonly changes: readonly KeyChange[];
}
