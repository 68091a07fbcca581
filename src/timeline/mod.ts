/**
 * Floor 6: one history. The write path ends in sealed layers; reads plan, await and interpret.
 *
 * @module
 */

export type { Ancestor, BranchPoint } from "./ancestor.ts";
export type { AppendOptions, WritableOptions } from "./append.ts";
export { type Codec, CodecError, type CodecErrorContext } from "./keyspace/codec.ts";
export { json, text } from "./keyspace/codecs.ts";
export type { Keyspace } from "./keyspace/keyspace.ts";
export type { KeyspaceReader } from "./keyspace/keyspace_reader.ts";
export { structured } from "./keyspace/structured.ts";
export type { DamagedEntry, Entry, KeyEntry, ValueEntry, Version } from "./entry.ts";
export type { Expectation } from "./expect/expectations.ts";
export type { LayerInfo } from "./layer_info.ts";
export type { Rows } from "./read/records/columns.ts";
export type {
  Explanation,
  FoundVersion,
  IndexCosts,
  KeyExplanation,
  LayerVisit,
  PhaseTimes,
  RecordSource,
  ValueCosts,
  VisitCosts,
} from "./read/explain/explanation.ts";
export type { Difference, DiffRange } from "./read/diff/options.ts";
export type { ChangeBatch, KeyChange } from "./read/feed/change_batch.ts";
export type { ChangesOptions } from "./read/feed/options.ts";
export type { Keys, KeyVec } from "./read/key_vec.ts";
export type {
  CountRange,
  HistoryOptions,
  KeysOnly,
  ReadOptions,
  ReportDamage,
  ScanRange,
  SnapshotReadOptions,
  WholeReadOptions,
} from "./read/options.ts";
export { Meters } from "./meters.ts";
export { Views } from "./read/view.ts";
export type { Reader } from "./reader.ts";
export { Snapshot } from "./snapshot.ts";
export type {
  CompactionProgress,
  CompactionReport,
  CompactOptions,
  WorkCounts,
} from "./upkeep/compaction.ts";
export type { GcOptions, GcReport, GcStay } from "./upkeep/retain/gc.ts";
export { checkHistory, type HistoryPolicy, type KeptHistory } from "./upkeep/retain/history_policy.ts";
export type { UpkeepState, UpkeepStatus } from "./upkeep/status.ts";
export { ancestorOf, type OpenTimeline, openView, pin } from "./open_timeline.ts";
export { loadRedo, moduleUrl, type RedoModule } from "./redo/load_redo.ts";
export { type Redo, Redoer } from "./redo/redo.ts";
export { StoreUpkeep, type UpkeepMode } from "./upkeep/store_upkeep.ts";
export { Timeline, visitRows } from "./timeline.ts";
export { objectOf, type TimelineContext, type TimelineSettings } from "./timeline_context.ts";
export { SlicedUpkeep } from "./upkeep/runner/sliced_upkeep.ts";
export type { UpkeepCounters, UpkeepRunner } from "./upkeep/runner/upkeep_runner.ts";
export { type OpenHost, serveUpkeep } from "./upkeep/worker/server.ts";
export { WorkerUpkeep } from "./upkeep/worker/worker_upkeep.ts";
export { durableEndsOf } from "./write/prove_ends.ts";
export type { BackPressure } from "./write/room.ts";
export type { ThrottleCounts } from "./write/throttle.ts";
export { TimelineWriter, type WriteCounters } from "./write/timeline_writer.ts";
