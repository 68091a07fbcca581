/**
 * Codecs that are there.
 *
 * @module
 */

import type { Codec } from "./codec.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const textCodec: Codec<string> = {
  encode(value) {
    if (typeof value !== "string") throw new TypeError(`Cannot encode text: found a ${typeof value}`);
    if (!value.isWellFormed()) throw new TypeError("Cannot encode text: it holds a lone surrogate");
    return encoder.encode(value);
  },
  decode: (bytes) => decoder.decode(bytes),
};

const jsonCodec: Codec<unknown> = {
  encode(value) {
    const text: string | undefined = JSON.stringify(value);
    if (text === undefined) throw new TypeError(`Cannot encode value: JSON has no ${typeof value}`);
    return encoder.encode(text);
  },
  decode: (bytes) => JSON.parse(decoder.decode(bytes)),
};

/** Text as UTF-8. It decodes nothing else, and encodes no lone surrogates. */
export function text(): Codec<string> {
  return textCodec;
}

/**
 * Whatever JSON has, as UTF-8. What `JSON.stringify` leaves out or changes comes back so: a `Date` as a string, a `Map`
 * as `{}`; a bigint, and a value of which it makes nothing, are refused.
 *
 * @typeParam T What values are. Nobody checks that they are, of those that are read either.
 *
 * @example Users
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { json, Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const users = store.timeline().under(["user"]).as(json<{ name: string }>());
 * await users.append([{ key: [42], value: { name: "Ann" } }]);
 * assertEquals((await users.get([42]))?.name, "Ann");
 * ```
 */
export function json<T>(): Codec<T> {
  return jsonCodec as Codec<T>;
}
