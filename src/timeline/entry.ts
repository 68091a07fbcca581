/**
 * What reads give back.
 *
 * @module
 */

import type { Lsn } from "../base/mod.ts";

/**
 * A key and its value as of an LSN: plain data that is the caller's for ever, to be changed, spread, cloned and posted.
 * Small keys and values of one read lie side by side in memory of up to 4 KiB, which is what keeping one keeps, and what
 * cloning one clones. Who transfers that memory, rather than what `slice` makes of an entry's part of it, takes what lies
 * beside it along, which then has no bytes, and thus no key either. What `get` gives lies by itself.
 *
 * @typeParam T What a value is; a {@linkcode Keyspace} with a codec gives others than bytes.
 */
export interface Entry<T = Uint8Array<ArrayBuffer>> {
  /** The key. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** The value; `undefined` if the key is absent or deleted. */
  readonly value: T | undefined;
  /** The LSN of the version, a deletion's too; `undefined` if the key is absent. */
  readonly lsn: Lsn | undefined;
}

/** An entry of a key that has a value. It is a change too, and may be appended elsewhere as it is. */
export interface ValueEntry<T = Uint8Array<ArrayBuffer>> extends Entry<T> {
  /** The value. */
  readonly value: T;
  /** The LSN of the version. */
  readonly lsn: Lsn;
}

/** A key and the LSN of its version as of an LSN, without the value. */
export type KeyEntry = Omit<ValueEntry, "value">;

/** One version of a key. */
export interface Version<T = Uint8Array<ArrayBuffer>> {
  /** Its LSN. */
  readonly lsn: Lsn;
  /** The value; `undefined` if the key was deleted. */
  readonly value: T | undefined;
  /** Whether the key was deleted at this LSN. */
  readonly deleted: boolean;
}

/** What stands in the place of an entry or version that could not be read, if the read was asked to report damage. */
export interface DamagedEntry {
  /** The key. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** The LSN of the version; `undefined` if it could not be found out. */
  readonly lsn: Lsn | undefined;
  /** Why there is no value: a `CorruptionError`, the `IoError` of a read that failed, or a {@linkcode CodecError}. */
  readonly error: Error;
}
