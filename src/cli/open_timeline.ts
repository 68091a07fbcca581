/** The store and the timeline that a command works on. */

import { Store, type StoreOptions } from "../store/mod.ts";
import type { Timeline } from "../timeline/mod.ts";
import type { Arguments } from "./arguments.ts";

/** An open store and the timeline that was asked for. Dispose of it to close the store. */
export interface OpenTimeline extends AsyncDisposable {
  /** The store. */
  readonly store: Store;
  /** The timeline. */
  readonly timeline: Timeline;
}

/**
 * Opens a store, and the timeline of `--timeline`.
 *
 * @param args What was asked.
 * @param purpose `"read"` writes nothing, `"write"` needs the timeline to be there, `"create"` makes what is missing.
 * @param path The store; the first argument if left out.
 * @returns The open store and its timeline.
 */
export async function openTimeline(
  args: Arguments,
  purpose: "read" | "write" | "create",
  path: string = args.positionals[0],
): Promise<OpenTimeline> {
  const store = await Store.open(path, {
    create: purpose === "create",
    readOnly: purpose === "read",
    // What the arguments allow are the modes and engines that there are.
    ioMode: args.text("io-mode") as StoreOptions["ioMode"],
    ioEngine: args.text("io-engine") as StoreOptions["ioEngine"],
  });
  try {
    const name = args.text("timeline") ?? "main";
    const makes = purpose === "create" && store.timelines().every((timeline) => timeline.name !== name);
    const timeline = makes ? await store.createTimeline(name) : store.timeline(name);
    return { store, timeline, [Symbol.asyncDispose]: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}
