/** The store and the timeline that a command works on. */

import { Store, type StoreOptions } from "../store/mod.ts";
import type { Timeline } from "../timeline/mod.ts";
import type { Arguments } from "./arguments.ts";

/** What a command means to do. */
export interface OpenTimelineOptions {
  /** `"read"` writes nothing, `"write"` needs the timeline to be there, `"create"` makes what is missing. */
  for: "read" | "write" | "create";
  /** Which argument is the store; the first one if left out. */
  storeAt?: number;
}

/** An open store and the timeline that was asked for. Dispose of it to close the store. */
export class OpenTimeline implements AsyncDisposable {
  /** The store. */
  readonly store: Store;
  /** The timeline. */
  readonly timeline: Timeline;

  /** Takes over an open store. */
  constructor(store: Store, timeline: Timeline) {
    this.store = store;
    this.timeline = timeline;
  }

  /** Closes the store. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
  }
}

/**
 * Opens the store that the arguments name, and the timeline of `--timeline`.
 *
 * @param args What was asked.
 * @param options What for.
 * @returns The open store and its timeline.
 */
export async function openTimeline(args: Arguments, options: OpenTimelineOptions): Promise<OpenTimeline> {
  const store = await Store.open(args.needed(options.storeAt ?? 0), {
    create: options.for === "create",
    readOnly: options.for === "read",
    // What the arguments allow are the modes and engines that there are.
    ioMode: args.text("io-mode") as StoreOptions["ioMode"],
    ioEngine: args.text("io-engine") as StoreOptions["ioEngine"],
  });
  try {
    return new OpenTimeline(store, await findTimeline(store, args.text("timeline") ?? "main", options));
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function findTimeline(store: Store, name: string, options: OpenTimelineOptions): Promise<Timeline> {
  const missing = store.timelines().every((timeline) => timeline.name !== name);
  if (options.for === "create" && missing) return await store.createTimeline(name);
  return store.timeline(name);
}
