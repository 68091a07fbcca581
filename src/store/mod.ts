/**
 * Floor 7: a store: a directory with its lock, its manifest and its timelines.
 *
 * @module
 */

export type { VerifyOptions, VerifyProgress } from "./inspect/options.ts";
export { isStoreLeft } from "./inspect/store_names.ts";
export { verifyStore } from "./inspect/verify.ts";
export type { LatencyMetrics, MemoryMetrics, StoreMetrics, UpkeepMetrics, ViewMetrics } from "./metrics.ts";
export type { StoreOptions } from "./options.ts";
export type {
  LostStretch,
  SalvagedTimeline,
  SalvageOptions,
  SalvageProgress,
  SalvageReport,
} from "./salvage/options.ts";
export { salvage } from "./salvage/salvage.ts";
export type { PublishedMetrics } from "./published_metrics.ts";
export type { CreateTimelineOptions } from "./timelines.ts";
export { openStoreOn, publishedMetricsOf, Store, type TimelineInfo } from "./store.ts";
