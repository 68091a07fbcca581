/**
 * The codec of structured clones.
 *
 * @module
 */

import { deserialize, serialize } from "node:v8";
import type { Codec } from "./codec.ts";

const structuredCodec: Codec<unknown> = { encode: serialize, decode: deserialize };

/**
 * Whatever `structuredClone` takes, in the format of V8: also dates, maps, sets, bigints, bytes, and objects that refer
 * to each other. Functions are refused. A later version of V8 reads what an earlier one wrote; other runtimes do not. It
 * is for values of one's own: whoever can choose the bytes should not have them decoded.
 *
 * @typeParam T What values are. Nobody checks that they are, of those that are read either.
 *
 * @example Sets
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store, structured } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const tags = store.timeline().as(structured<Set<string>>());
 * await tags.append([{ key: "page", value: new Set(["old", "long"]) }]);
 * assertEquals(await tags.get("page"), new Set(["old", "long"]));
 * ```
 */
export function structured<T>(): Codec<T> {
  return structuredCodec as Codec<T>;
}
