/**
 * Batches: changes that are applied atomically at one LSN.
 *
 * @module
 */

import type { Key, Value } from "../base/mod.ts";
import { EncodedBatch } from "./encoded_batch.ts";

let encodedOf: (batch: Batch) => EncodedBatch;

/**
 * Changes that are applied atomically at one LSN, in order.
 *
 * A batch encodes each change as it is given: keys and values may be changed afterwards. It is reusable: once
 * {@linkcode Timeline.append} has returned its promise, the batch may be cleared and filled again. Within a batch
 * the last change of a key is the one that counts, with those that it is a patch of. It holds at most 4,194,304 changes
 * and 512 MiB.
 *
 * @example Two changes at one LSN
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Batch } from "@varve/varve";
 *
 * const batch = new Batch().put("balance/ann", "90").put("balance/bob", "110");
 * assertEquals(batch.size, 2);
 * batch.clear();
 * assertEquals(batch.size, 0);
 * ```
 */
export class Batch {
  readonly #encoded = new EncodedBatch();

  static {
    encodedOf = (batch) => batch.#encoded;
  }

  /** How many changes it holds. */
  get size(): number {
    return this.#encoded.count;
  }

  /** How many bytes its changes take in the log. */
  get byteLength(): number {
    return this.#encoded.end;
  }

  /**
   * Adds a whole value for a key.
   *
   * @param key 1 to 512 bytes, also as a string or as parts.
   * @param value 0 bytes to 64 MiB.
   * @returns This batch.
   * @throws {LimitError} If key, value or batch are over their limits; the batch is as it was.
   * @throws {TypeError} If key or value are neither a `Uint8Array` nor a string, nor the key parts.
   */
  put(key: Key, value: Value): this {
    this.#encoded.put(key, value);
    return this;
  }

  /**
   * Adds a patch of a key: bytes that stand on the newest older value, which the store's option `redo` makes a value of
   * when it is read. In a batch that puts or deletes the key too, it stands on what came before it there.
   *
   * @param key 1 to 512 bytes, also as a string or as parts.
   * @param patch 0 bytes to 64 MiB less 4; those of one key in a batch, each with 4 bytes more and with the value that
   * they stand on there, have 64 MiB at the most.
   * @returns This batch.
   * @throws {LimitError} If key, patch or batch are over their limits; the batch is as it was.
   * @throws {TypeError} If key or patch are neither a `Uint8Array` nor a string, nor the key parts.
   */
  patch(key: Key, patch: Value): this {
    this.#encoded.patch(key, patch);
    return this;
  }

  /**
   * Adds the deletion of a key.
   *
   * @param key 1 to 512 bytes, also as a string or as parts.
   * @returns This batch.
   * @throws {LimitError} If key or batch are over their limits; the batch is as it was.
   * @throws {TypeError} If the key is neither a `Uint8Array` nor a string nor parts.
   */
  delete(key: Key): this {
    this.#encoded.delete(key);
    return this;
  }

  /**
   * Forgets every change.
   *
   * @returns This batch.
   */
  clear(): this {
    this.#encoded.clear();
    return this;
  }
}

/** The encoded records of a batch. */
export function recordsOf(batch: Batch): EncodedBatch {
  return encodedOf(batch);
}
