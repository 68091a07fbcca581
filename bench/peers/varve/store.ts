/** Opens stores for the worker. */

import type { Store as StoreOfCheckout, StoreOptions } from "../../../mod.ts";
import { Store } from "./product.ts";
import type { Variant } from "./request.ts";

/**
 * Opens the store of a directory, with the mode and engine of a variant and no other. Nothing is merged by itself unless
 * `options` say so: a young store stays young.
 *
 * @param directory A directory; the store is made if it is not there.
 * @param variant How it does IO.
 * @param options What else is set.
 * @returns The store.
 * @throws {Error} If another mode or engine was obtained than was asked for.
 */
export async function openStore(
  directory: string,
  variant: Variant,
  options: StoreOptions = {},
): Promise<StoreOfCheckout> {
  const store = await open(`${directory}/store`, {
    create: true,
    strict: true,
    upkeep: "manual",
    ...variant,
    ...options,
  });
  const { mode, engine } = store.io;
  if (mode === variant.ioMode && (variant.ioEngine === "auto" || engine === variant.ioEngine)) return store;
  await store.close();
  throw new Error(
    `Cannot have ${variant.ioMode} by ${variant.ioEngine}: found ${mode} by ${engine}: ${
      store.io.notes.join("; ")
    }`,
  );
}

/** A checkout that knows of no upkeep by itself opens without that option. */
async function open(path: string, { upkeep, ...options }: StoreOptions): Promise<StoreOfCheckout> {
  try {
    return await Store.open(path, { ...options, upkeep });
  } catch (error) {
    if (!(error instanceof TypeError && error.message.includes("upkeep"))) throw error;
    return await Store.open(path, options);
  }
}
