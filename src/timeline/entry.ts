/**
 * What reads give back.
 *
 * @module
 */

import type { Lsn } from "../base/mod.ts";

/** A key and its value as of an LSN. */
export interface Entry {
  /** The key. */
  readonly key: Uint8Array;
  /**
   * The value; `undefined` if the key is absent or deleted. Where the record is damaged, reading this property throws
   * the `CorruptionError`, so that damage is never mistaken for absence; other entries are not affected.
   */
  readonly value: Uint8Array | undefined;
  /** The LSN of the version, a deletion's too; `undefined` if the key is absent. */
  readonly lsn: Lsn | undefined;
}

/** One version of a key. */
export interface Version {
  /** Its LSN. */
  readonly lsn: Lsn;
  /** The value; `undefined` if the key was deleted. Where the record is damaged, reading it throws. */
  readonly value: Uint8Array | undefined;
  /** Whether the key was deleted at this LSN. */
  readonly deleted: boolean;
}

/** An entry whose record could not be read. */
export class FailedEntry implements Entry {
  /** The key. */
  readonly key: Uint8Array;
  /** The LSN, if it is known. */
  readonly lsn: Lsn | undefined;
  /** Why there is no value. */
  readonly error: Error;

  /** Makes an entry that throws `error` when its value is read. */
  constructor(key: Uint8Array, lsn: Lsn | undefined, error: Error) {
    this.key = key;
    this.lsn = lsn;
    this.error = error;
  }

  /** Throws why there is no value. */
  get value(): Uint8Array | undefined {
    throw this.error;
  }
}
