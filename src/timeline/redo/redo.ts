/**
 * Making values of patches, by the function that a store was opened with.
 *
 * ```
 *   versions of a key   put@1   patch@4: p   patch@9: q, r          redo(key, value of put@1, [p, q, r])
 *                       delete@2   patch@3: p                       redo(key, undefined, [p])
 * ```
 *
 * H1  Redo is called once for a value, with all patches down to a whole value or to nothing, the oldest first.
 * H2  What it is given is memory that nobody uses again, and what it returns is copied before it is given out.
 *
 * @module
 */

import { LimitError, type Lsn, maxValueBytes, nameOf, RedoError, typeName } from "../../base/mod.ts";

/**
 * Makes a value of what patches stand on, and the patches, the oldest first. It must not depend on anything else: it may be
 * called again for the same patches, or for some of them and then, with what came of these, for the others.
 *
 * @param key The key.
 * @param base The value that they stand on; `undefined` if the key was absent or deleted.
 * @param patches The patches, one at the least.
 * @returns The value, up to 64 MiB.
 */
export type Redo = (key: Uint8Array, base: Uint8Array | undefined, patches: Uint8Array[]) => Uint8Array;

/** Calls redo, if there is one, and judges what comes of it. */
export class Redoer {
  readonly #redo: Redo | undefined;

  /** Takes the function of a store; left out, no patch can be redone. */
  constructor(redo?: Redo) {
    this.#redo = redo;
  }

  /** Whether there is a function. */
  get isKnown(): boolean {
    return this.#redo !== undefined;
  }

  /**
   * Makes a value of patches (H1).
   *
   * @param key The key, which is only read.
   * @param lsn The LSN of the newest patch.
   * @param base What they stand on.
   * @param patches The patches, the oldest first.
   * @returns The value, which may be anybody's memory.
   * @throws {RedoError} If there is no redo, it throws, or returns no bytes.
   * @throws {LimitError} If the value is too long.
   */
  redo(
    key: Uint8Array,
    lsn: Lsn,
    base: Uint8Array | undefined,
    patches: readonly Uint8Array[],
  ): Uint8Array {
    const value = this.#call(key.slice(), lsn, base, patches);
    if (value.length <= maxValueBytes) return value;
    const limit = maxValueBytes, found = value.length, name = nameOf(key);
    throw new LimitError(
      `Cannot redo patches of key ${name} at LSN ${lsn}: the value has ${found} bytes, the limit is ${limit}`,
      { limit, found, key: key.slice() },
    );
  }

  #call(
    key: Uint8Array<ArrayBuffer>,
    lsn: Lsn,
    base: Uint8Array | undefined,
    patches: readonly Uint8Array[],
  ): Uint8Array {
    const redo = this.#redo;
    if (redo === undefined) throw new RedoError({ key, lsn });
    let value: unknown;
    try {
      value = redo(key.slice(), base, [...patches]);
      if (value instanceof Uint8Array) return value;
    } catch (cause) {
      // What was thrown may be nothing at all.
      throw new RedoError({ key, lsn, cause: cause ?? new Error(String(cause)) });
    }
    const cause = new TypeError(`expected redo to return a Uint8Array, found ${typeName(value)}`);
    throw new RedoError({ key, lsn, cause });
  }
}
