/** The metrics of the store of this process that matter while it is written, in one line. */

import type { StoreMetrics } from "../../store/mod.ts";
import { formatBytes, formatCounted, formatMilliseconds } from "../terminal/quantity.ts";

/** What fills memory, what waits, and how long appends take. */
export function metricsLine(metrics: StoreMetrics): string {
  const { memory, latencies: { append }, frozenLayers, storedLayers } = metrics;
  const appended = append.count === 0 ? [] : [
    `append p50 ${formatMilliseconds(append.p50Milliseconds)} p99 ${
      formatMilliseconds(append.p99Milliseconds)
    }`,
  ];
  const layers = [`${frozenLayers} to seal`, `${formatCounted(storedLayers, "layer")} stored`];
  const found = metrics.cacheHits + metrics.cacheMisses;
  const hits = found === 0 ? [] : [`cache ${(100 * metrics.cacheHits / found).toFixed(0)} %`];
  const written = `writing ${formatBytes(memory.writeBytes)} of ${formatBytes(memory.writeBudgetBytes)}`;
  return [...appended, written, ...layers, ...hits].join("  ");
}
