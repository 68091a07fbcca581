/** How a store is brought to where upkeep has nothing left to do: the one place of the bench that knows. */

import type { Store } from "../../../mod.ts";

const lookMilliseconds = 20;

/**
 * Seals what was appended to "main" before, and waits until upkeep by itself has nothing left to do.
 *
 * @param store The store, of which upkeep runs by itself.
 * @throws {Error} If upkeep cannot go on.
 */
export async function settle(store: Store): Promise<void> {
  await store.timeline().freeze();
  for (;;) {
    const { state, error } = store.metrics().upkeep.main;
    if (state === "idle") return;
    if (state !== "queued" && state !== "merging") throw new Error(`Upkeep is ${state}: ${error}`);
    await new Promise((resolve) => setTimeout(resolve, lookMilliseconds));
  }
}
