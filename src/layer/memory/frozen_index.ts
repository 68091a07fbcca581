/**
 * The index of a frozen layer as another thread has it: the same memory, without what only finding and inserting need.
 *
 * ```
 *   main thread    MemoryIndex ──► bytes of keys │ fields of keys │ versions ◄── FrozenIndex    another thread
 *                    └ its own order of keys        shared, nobody writes            └ its own order of keys
 * ```
 *
 * @module
 */

import { KeyOrder } from "./key_order.ts";
import { keyLength, keyStart, keyStride, type KeyTable } from "./key_table.ts";
import { versionPrevious, versionStride } from "./version_fields.ts";

/** What is walked of an index in the order of its keys. A {@linkcode MemoryIndex} is one, a {@linkcode FrozenIndex} too. */
export interface SortedVersions {
  /** Its keys. */
  readonly keys: Pick<KeyTable, "bytes" | "fields" | "keyOf">;
  /** How many versions it has. */
  readonly versionCount: number;
  /** The fields of all versions. */
  readonly versions: Int32Array;
  /** The next older version of the same key, or −1. */
  previous(version: number): number;
  /** The ids of all keys in the order of their bytes. */
  sortedKeys(): Uint32Array;
  /** Sorts the keys in steps, so that {@linkcode SortedVersions.sortedKeys} finds them sorted. */
  sortSteps(): Generator<void, void>;
}

/** What of an index another thread is sent: its arrays are shared if their memory is. */
export interface FrozenColumns {
  /** How many distinct keys it has. */
  readonly keyCount: number;
  /** How many versions it has. */
  readonly versionCount: number;
  /** The bytes of all keys. */
  readonly keyBytes: Uint8Array;
  /** The fields of all keys. */
  readonly keyFields: Int32Array;
  /** The fields of all versions. */
  readonly versions: Int32Array;
}

/** See the top of the file. */
export class FrozenIndex implements SortedVersions {
  /** Its keys. */
  readonly keys: Pick<KeyTable, "bytes" | "fields" | "keyOf">;
  /** How many versions it has. */
  readonly versionCount: number;
  /** The fields of all versions. */
  readonly versions: Int32Array;
  readonly #order: KeyOrder;

  /** Reads columns, which nobody changes. */
  constructor({ keyCount, versionCount, keyBytes: bytes, keyFields: fields, versions }: FrozenColumns) {
    this.keys = {
      bytes,
      fields,
      keyOf: (key) => {
        const start = fields[key * keyStride + keyStart];
        return bytes.subarray(start, start + fields[key * keyStride + keyLength]);
      },
    };
    this.versionCount = versionCount;
    this.versions = versions;
    this.#order = new KeyOrder({ bytes, fields, count: keyCount });
  }

  /** See {@linkcode SortedVersions.previous}. */
  previous(version: number): number {
    return this.versions[version * versionStride + versionPrevious];
  }

  /** See {@linkcode SortedVersions.sortedKeys}. */
  sortedKeys(): Uint32Array {
    return this.#order.sortedKeys();
  }

  /** See {@linkcode SortedVersions.sortSteps}. */
  sortSteps(): Generator<void, void> {
    return this.#order.sortSteps();
  }

  /** Gives up the order of its keys: nobody walks it any more. */
  giveUp(): void {
    this.#order.giveUp();
  }
}
