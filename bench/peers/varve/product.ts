/**
 * The Varve that is measured: this checkout's, or that of another directory, so that one harness can drive two
 * versions. Only the public API is used.
 */

import type * as direct from "../../../direct.ts";
import type * as varve from "../../../mod.ts";

const named = Deno.env.get("VARVE_BENCH_CHECKOUT");
const checkout = named === undefined ? new URL("../../../", import.meta.url) : new URL(`file://${named}/`);
const product: typeof varve = await import(new URL("mod.ts", checkout).href);

/** `Store` of the checkout. */
export const Store: typeof varve.Store = product.Store;
/** `Batch` of the checkout. */
export const Batch: typeof varve.Batch = product.Batch;

/** Loads `DirectFile` of the checkout. */
export async function loadDirectFile(): Promise<typeof direct.DirectFile> {
  const loaded: typeof direct = await import(new URL("direct.ts", checkout).href);
  return loaded.DirectFile;
}
