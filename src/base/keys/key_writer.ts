/** A key after the other in the same memory. */

import { boundBytes, type Key, keyLengthError, noKey } from "../key.ts";
import { maxKeyBytes } from "../limits.ts";
import { writeParts } from "./write_parts.ts";

const encoder = new TextEncoder();

/**
 * Encodes keys for loops that are hot, without memory of their own: each is lent until the next is written. Whoever
 * copies them at once, as {@linkcode Batch.put} and {@linkcode Timeline.append} do, needs no more.
 *
 * @example A batch of a thousand keys
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Batch, encodeKey, KeyWriter } from "@varve/varve";
 *
 * const writer = new KeyWriter(["user"]), batch = new Batch();
 * for (let id = 0; id < 1000; id++) batch.put(writer.write([id, "name"]), "Ann");
 * assertEquals(batch.size, 1000);
 * assertEquals(writer.write([7, "name"]), encodeKey(["user", 7, "name"]));
 * ```
 */
export class KeyWriter {
  readonly #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(maxKeyBytes);
  /** The memory behind the prefix. */
  readonly #behind: Uint8Array<ArrayBuffer>;
  /** What was lent, by its length: a view costs as much as what is done with it. */
  readonly #lent: (Uint8Array<ArrayBuffer> | undefined)[] = [];

  /**
   * Writes nothing yet.
   *
   * @param prefix What every key begins with. The default is nothing.
   * @throws {TypeError} If it is neither a `Uint8Array` nor a string nor parts.
   * @throws {LimitError} If it is longer than 512 bytes.
   */
  constructor(prefix: Key = "") {
    const bytes = boundBytes(prefix);
    if (bytes.length > maxKeyBytes) throw keyLengthError(bytes.length, bytes);
    this.#bytes.set(bytes);
    this.#behind = this.#bytes.subarray(bytes.length);
  }

  /**
   * Encodes a key.
   *
   * @param key Its parts, or what else a key may be, without the prefix.
   * @returns Its bytes, prefix included, until the next call. They must not be changed.
   * @throws {TypeError} If it is no key, or a part has another type.
   * @throws {LimitError} If it is empty or longer than 512 bytes, prefix included.
   */
  write(key: Key): Uint8Array<ArrayBuffer> {
    const length = this.#bytes.length - this.#behind.length + this.#write(key);
    if (length === 0) throw keyLengthError(0);
    return this.#lent[length] ??= this.#bytes.subarray(0, length);
  }

  /** Writes a key behind the prefix, and returns its length. */
  #write(key: Key): number {
    const behind = this.#behind, room = behind.length;
    if (typeof key === "string") {
      const { read, written } = encoder.encodeInto(key, behind);
      if (read === key.length) return written;
      throw keyLengthError(maxKeyBytes - room + encoder.encode(key).length);
    }
    if (key instanceof Uint8Array) {
      if (key.length > room) throw keyLengthError(maxKeyBytes - room + key.length);
      behind.set(key);
      return key.length;
    }
    if (!Array.isArray(key)) throw noKey(key);
    return writeParts(behind, 0, room, key);
  }
}
