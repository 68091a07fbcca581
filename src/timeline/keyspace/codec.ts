/**
 * What values are to a program, and to a timeline.
 *
 * @module
 */

import { type Lsn, typeName, VarveError } from "../../base/mod.ts";

/**
 * Makes bytes of values, and values of bytes.
 *
 * @typeParam T What values are.
 *
 * @example Numbers in eight bytes
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type Codec, Store } from "@varve/varve";
 *
 * const float: Codec<number> = {
 *   encode: (value) => new Uint8Array(new Float64Array([value]).buffer),
 *   decode: (bytes) => new Float64Array(bytes.slice().buffer)[0],
 * };
 * await using store = await Store.open(await Deno.makeTempDir());
 * const temperatures = store.timeline().as(float);
 * await temperatures.append([{ key: "kitchen", value: 21.5 }]);
 * assertEquals(await temperatures.get("kitchen"), 21.5);
 * ```
 */
export interface Codec<T> {
  /**
   * Makes bytes of a value. What it throws rejects the append.
   *
   * @param value Any value but `undefined`, which stands for none.
   */
  encode(value: T): Uint8Array;
  /**
   * Makes a value of bytes. What it throws becomes the cause of a {@linkcode CodecError}.
   *
   * @param bytes What was stored; nobody else has this memory, but small values may share it with others.
   */
  decode(bytes: Uint8Array<ArrayBuffer>): T;
}

/** Which value does not decode, and why. */
export interface CodecErrorContext {
  /** Its key, whole. */
  key: Uint8Array<ArrayBuffer>;
  /** The LSN of the version. */
  lsn: Lsn;
  /** What the codec threw. */
  cause: unknown;
}

/** A value that was read, whole and as it was stored, and of which a codec can make nothing. */
export class CodecError extends VarveError {
  /** The name of the class. */
  override name = "CodecError";
  /** The key, whole: with the prefix of a keyspace. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** The LSN of the version. */
  readonly lsn: Lsn;

  /** Makes an error from what could not be done, and with which value. */
  constructor(message: string, { key, lsn, cause }: CodecErrorContext) {
    super(message, { cause });
    this.key = key;
    this.lsn = lsn;
  }
}

/**
 * Checks that something is a codec.
 *
 * @throws {TypeError} If it is not.
 */
export function checkCodec(codec: unknown): void {
  const { encode, decode } = (codec ?? {}) as Partial<Codec<unknown>>;
  if (typeof encode === "function" && typeof decode === "function") return;
  throw new TypeError(`Cannot use codec: expected encode() and decode(), found ${typeName(codec)}`);
}
