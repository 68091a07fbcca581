/**
 * What keys begin with.
 *
 * ```
 *   prefix given as            keys that begin with it, bytewise
 *   bytes P, or a string       [P, P + 1)
 *   parts that encode to P     [P, P ff)       P ff … goes on with the last string or bytes of P, behind an escaped zero:
 *                                              ["user"] is no prefix of ["user\0x"]
 * ```
 */

import { boundBytes, type Key, keyLengthError, prefixEnd } from "../key.ts";
import { maxKeyBytes } from "../limits.ts";
import { escapedZero } from "./key_part.ts";
import { KeyWriter } from "./key_writer.ts";

/** The keys that begin with a prefix. */
export interface PrefixBounds {
  /** The first that may; memory of its own. */
  readonly start: Uint8Array<ArrayBuffer>;
  /** The first that does not any more; `undefined` if there is none. */
  readonly end: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * Finds which keys begin with a prefix.
 *
 * @param prefix Parts, bytes or a string; it may be empty, and bytes may be long.
 * @throws {TypeError} If it is none of them.
 * @throws {LimitError} If parts take more than 512 bytes.
 */
export function prefixBounds(prefix: Key): PrefixBounds {
  const start = new Uint8Array(boundBytes(prefix));
  return { start, end: endsParts(prefix) ? behind(start, escapedZero) : prefixEnd(start) };
}

/** A prefix behind which keys are told. */
export class KeyPrefix {
  /** The prefix; it must not be changed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The first key that does not begin with it any more; `undefined` if there is none. */
  readonly end: Uint8Array<ArrayBuffer> | undefined;
  readonly #endsParts: boolean;
  #writer: KeyWriter | undefined;

  /**
   * Holds a prefix.
   *
   * @param prefix Parts, bytes or a string; it may be empty.
   * @param within What stands before it. The default is nothing.
   * @throws {TypeError} If it is none of them.
   * @throws {LimitError} If all of it takes more than 512 bytes.
   */
  constructor(prefix: Key, within?: KeyPrefix) {
    const { start, end } = prefixBounds(prefix), isEmpty = start.length === 0;
    within?.check(start);
    this.bytes = within === undefined ? start : joined(within.bytes, start);
    this.end = isEmpty ? within?.end : end === undefined ? within?.end : joined(within?.bytes ?? none, end);
    this.#endsParts = isEmpty && within !== undefined ? within.#endsParts : endsParts(prefix);
    if (this.bytes.length > maxKeyBytes) throw keyLengthError(this.bytes.length, this.bytes);
  }

  /** How long it is, in bytes. */
  get length(): number {
    return this.bytes.length;
  }

  /**
   * Checks that a key behind the prefix begins with it, as parts do.
   *
   * @throws {RangeError} If it does not.
   */
  check(key: Uint8Array): void {
    if (!this.#endsParts || key[0] !== escapedZero) return;
    throw new RangeError(
      "Cannot use key: it begins with 0xff, which would go on with the last part of its prefix",
    );
  }

  /** The prefix, and a bound behind it, which unlike a key may be empty or long. */
  join(bound: Uint8Array = none): Uint8Array<ArrayBuffer> {
    return joined(this.bytes, bound);
  }

  /**
   * Writes a key behind the prefix.
   *
   * @param key The key without the prefix; it may be empty, if the prefix is not.
   * @returns The whole key, lent until the next call.
   * @throws {TypeError} If it is no key.
   * @throws {RangeError} If it goes on with the last part of the prefix.
   * @throws {LimitError} If all of it is empty or takes more than 512 bytes.
   */
  write(key: Key): Uint8Array<ArrayBuffer> {
    if (key instanceof Uint8Array) this.check(key);
    return (this.#writer ??= new KeyWriter(this.bytes)).write(key);
  }

  /** The whole key as memory of its own; see {@linkcode write}. */
  keyOf(key: Key): Uint8Array<ArrayBuffer> {
    return this.write(key).slice();
  }
}

const none = new Uint8Array(0);

/** Whether a prefix is of parts, so that no key goes on within the last. */
function endsParts(prefix: Key): boolean {
  return Array.isArray(prefix) && prefix.length > 0;
}

function behind(bytes: Uint8Array, byte: number): Uint8Array<ArrayBuffer> {
  return joined(bytes, Uint8Array.of(byte));
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
