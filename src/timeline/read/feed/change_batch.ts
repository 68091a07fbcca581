/**
 * What a feed of changes gives.
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";

/**
 * A change of a key: a whole value, or its deletion. It is a {@linkcode Change}, and may be appended elsewhere as it is.
 * Small keys and values lie side by side, as those of an {@linkcode Entry} do.
 *
 * @typeParam T What values are.
 */
export type KeyChange<T = Uint8Array<ArrayBuffer>> =
  | { readonly key: Uint8Array<ArrayBuffer>; readonly value: T }
  | { readonly key: Uint8Array<ArrayBuffer>; readonly delete: true };

/**
 * What changed at one LSN.
 *
 * @typeParam T What values are.
 */
export interface ChangeBatch<T = Uint8Array<ArrayBuffer>> {
  /** The LSN. */
  readonly lsn: Lsn;
  /** One change of each key, in the order of keys; at least one. */
  readonly changes: readonly KeyChange<T>[];
}
