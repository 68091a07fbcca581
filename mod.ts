/**
 * Varve keeps every version of every key on disk in layers, with direct IO, and reads any set of keys as of any LSN
 * in one batch.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const timeline = store.timeline();
 * await timeline.append([{ key: "greeting", value: "hello" }], { sync: true });
 * const value = await timeline.get("greeting", { lsn: 1 });
 * assertEquals(new TextDecoder().decode(value), "hello");
 * ```
 *
 * @module
 */

export {
  ConflictError,
  type ConflictErrorContext,
  type CorruptionContext,
  CorruptionError,
  DirectIoError,
  IoError,
  type IoErrorContext,
  type Key,
  type Latency,
  LimitError,
  type LimitErrorContext,
  LockedError,
  type Lsn,
  LsnError,
  type LsnErrorContext,
  MemoryError,
  PoisonedError,
  ReadOnlyError,
  RedoError,
  type RedoErrorContext,
  ShardError,
  type ShardErrorContext,
  type Value,
  VarveError,
} from "./src/base/mod.ts";
export { decodeKey, encodeKey, type KeyPart, KeyWriter } from "./src/base/mod.ts";
export { shardOf, type ShardOptions, type Shards } from "./src/base/mod.ts";
export type { EngineName, IoMode, IoReport } from "./src/io/mod.ts";
export type { LayerKind, LayerSummary, LostKeys, VerifyFinding } from "./src/layer/mod.ts";
export { Batch, type Change } from "./src/segment/mod.ts";
export {
  type CreateTimelineOptions,
  type LatencyMetrics,
  type LostStretch,
  type MemoryMetrics,
  salvage,
  type SalvagedTimeline,
  type SalvageOptions,
  type SalvageProgress,
  type SalvageReport,
  Store,
  type StoreMetrics,
  type StoreOptions,
  type TimelineInfo,
  type UpkeepMetrics,
  type VerifyOptions,
  type VerifyProgress,
  verifyStore,
  type ViewMetrics,
} from "./src/store/mod.ts";
export {
  type AppendOptions,
  type BackPressure,
  type ChangeBatch,
  type ChangesOptions,
  type Codec,
  CodecError,
  type CodecErrorContext,
  type CompactionProgress,
  type CompactionReport,
  type CompactOptions,
  type CountRange,
  type DamagedEntry,
  type Difference,
  type DiffRange,
  type Entry,
  type Expectation,
  type Explanation,
  type FoundVersion,
  type GcOptions,
  type GcReport,
  type GcStay,
  type HistoryOptions,
  type HistoryPolicy,
  type IndexCosts,
  json,
  type KeptHistory,
  type KeyChange,
  type KeyEntry,
  type KeyExplanation,
  type Keys,
  type KeysOnly,
  type Keyspace,
  type KeyspaceReader,
  type KeyVec,
  type LayerInfo,
  type LayerVisit,
  type PhaseTimes,
  type Reader,
  type ReadOptions,
  type RecordSource,
  type Redo,
  type RedoModule,
  type ReportDamage,
  type ScanRange,
  type Snapshot,
  type SnapshotReadOptions,
  structured,
  text,
  type ThrottleCounts,
  type Timeline,
  type UpkeepMode,
  type UpkeepState,
  type UpkeepStatus,
  type ValueCosts,
  type ValueEntry,
  type Version,
  type VisitCosts,
  type WholeReadOptions,
  type WorkCounts,
  type WritableOptions,
} from "./src/timeline/mod.ts";
