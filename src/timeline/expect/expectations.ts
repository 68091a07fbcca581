/**
 * What an append expects of keys, checked.
 *
 * @module
 */

import {
  checkLsn,
  ConflictError,
  type Key,
  keyBytes,
  type KeyPrefix,
  LimitError,
  type Lsn,
  maxBatchChanges,
  typeName,
} from "../../base/mod.ts";
import { ofExpectation } from "../which_change.ts";

/**
 * What must stand of a key for a batch to be applied. An {@linkcode Entry} that was read is one, and expects that the key
 * has not changed since.
 */
export interface Expectation {
  /**
   * The key. The batch need not change it. That of an entry that was read in a part of a timeline has no prefix: to be
   * expected by the timeline it is made whole by {@linkcode Keyspace.expectationOf}.
   */
  readonly key: Key;
  /**
   * The LSN of its newest version, which may be a deletion, as {@linkcode Entry} tells it; `undefined` if it has no value:
   * it was never written, or deleted last, at whatever LSN. A deletion below the horizon may be forgotten and then has no
   * LSN to be expected.
   */
  readonly lsn: Lsn | undefined;
}

/** What is charged for a key and its LSN beside its bytes: two objects, and where its lookup stands. */
const bytesPerKey = 256;

/** Expectations of one append: one at least. */
export class Expectations {
  readonly #keys: Uint8Array[];
  readonly #lsns: readonly (Lsn | undefined)[];

  private constructor(keys: Uint8Array[], lsns: readonly (Lsn | undefined)[]) {
    this.#keys = keys;
    this.#lsns = lsns;
  }

  /** Their keys, which may stand more than once; the caller's memory, until they are {@linkcode own}. */
  get keys(): readonly Uint8Array[] {
    return this.#keys;
  }

  /** Makes the keys memory of their own: the caller may change its own once the call has returned. */
  own(): void {
    for (const [i, key] of this.#keys.entries()) this.#keys[i] = new Uint8Array(key);
  }

  /**
   * Checks what a caller gave.
   *
   * @param given The value of the option.
   * @param prefix What stands before each key. The default is nothing.
   * @returns What is expected; `undefined` if nothing is.
   * @throws {TypeError} If it is no array, or something in it is no expectation.
   * @throws {RangeError} If an LSN is no safe integer ≥ 1.
   * @throws {LimitError} If a key is over its limit, or there are more than a batch may have changes.
   */
  static check(given: unknown, prefix?: KeyPrefix): Expectations | undefined {
    if (given === undefined) return undefined;
    if (!Array.isArray(given)) {
      throw new TypeError(`Cannot append: expected "expect" to be an array, found ${typeName(given)}`);
    }
    const { length } = given;
    if (length === 0) return undefined;
    if (length > maxBatchChanges) {
      const limit = { limit: maxBatchChanges, found: length };
      throw new LimitError(`Cannot append: it may have at most ${maxBatchChanges} expectations`, limit);
    }
    const keys: Uint8Array[] = [], lsns: (Lsn | undefined)[] = [];
    for (let i = 0; i < length; i++) {
      try {
        const { key, lsn } = checkExpectation(given[i]);
        keys.push(prefix === undefined ? keyBytes(key) : prefix.keyOf(key));
        lsns.push(checkExpectedLsn(lsn));
      } catch (error) {
        throw ofExpectation(error, i);
      }
    }
    return new Expectations(keys, lsns);
  }

  /** The memory that they take while they are looked up, roughly, in bytes. */
  get byteLength(): number {
    return this.#keys.reduce((bytes, key) => bytes + key.length, this.#keys.length * bytesPerKey);
  }

  /**
   * Holds one against what stands.
   *
   * @param i Which one.
   * @param lsn The LSN of the newest version of its key; 0 if there is none.
   * @param hasValue Whether that is a value, and no deletion.
   * @throws {ConflictError} If it is not met.
   */
  meet(i: number, lsn: Lsn, hasValue: boolean): void {
    const expected = this.#lsns[i];
    if (expected === undefined ? !hasValue : lsn === expected) return;
    throw new ConflictError({
      key: new Uint8Array(this.#keys[i]),
      expected,
      found: hasValue ? lsn : undefined,
    });
  }
}

/** Checks the LSN of one: whoever means that there is no value says so, and not null or 0. */
function checkExpectedLsn(lsn: unknown): Lsn | undefined {
  if (lsn === undefined) return undefined;
  if (lsn !== null && lsn !== 0) return checkLsn(lsn as Lsn, 1);
  const message = `Cannot append: expected an LSN, or undefined where the key has no value, found ${lsn}`;
  throw lsn === null ? new TypeError(message) : new RangeError(message);
}

/**
 * Checks one that a caller gave, but for its key and its LSN.
 *
 * @throws {TypeError} If it is none.
 */
export function checkExpectation(given: unknown): Expectation {
  if (typeof given !== "object" || given === null) {
    throw new TypeError(`Cannot append: expected an expectation, found ${typeName(given)}`);
  }
  // Without its LSN it would mean that the key has no value: whoever mistypes the name must not be believed.
  if ("key" in given && "lsn" in given) return given as Expectation;
  throw new TypeError('Cannot append: expected an expectation to have a "key" and an "lsn"');
}
