/** Opens stores for the worker. */

import type { Store as StoreOfCheckout, StoreOptions } from "../../../mod.ts";
import { Store } from "./product.ts";
import type { Variant } from "./request.ts";

/**
 * Opens the store of a directory, with the mode and engine of a variant and no other.
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
  const store = await Store.open(`${directory}/store`, {
    create: true,
    strict: true,
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
