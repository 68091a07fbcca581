/**
 * Floor 7: a store: a directory with its lock, its manifest and its timelines.
 *
 * @module
 */

export type { StoreMetrics } from "./metrics.ts";
export type { StoreOptions } from "./options.ts";
export { openStoreOn, Store, type TimelineInfo } from "./store.ts";
