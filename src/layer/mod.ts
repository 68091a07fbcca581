/**
 * Floor 4: layers: the formats of data files, the index of an open layer, the tree of a stored one, cursors over
 * both, and the map of the layers of a timeline.
 *
 * Everything here is synchronous but for {@linkcode sortIndex}, {@linkcode writeLayer} and {@linkcode checkLayer},
 * which give the event loop its turns. What needs pages says so to a {@linkcode PageSource} and never waits.
 *
 * @module
 */

export * from "./formats/file_format.ts";
export { fileSeed } from "./formats/file_seed.ts";
export { filterMayContain } from "./formats/bloom_filter.ts";
export { hashKey } from "./formats/key_hash.ts";
export { terminalFlag, tombstoneFlag } from "./formats/page_format.ts";
export * from "./formats/patch_format.ts";
export { getLong, putLong } from "./formats/long.ts";
export { PayloadHeader } from "./formats/payload_format.ts";
export * from "./formats/record_format.ts";
export { flagsOfKind, lengthInRun, lsnInRun, mostRunBytes } from "./formats/run_format.ts";
export { CompressedValue, leastCompressedBytes, ValueCompressor } from "./formats/value_format.ts";
export { checkLayer, type ExpectedLayer } from "./inspect/check_layer.ts";
export type { FoundDamage, Inspector, LostKeys, VerifyFinding } from "./inspect/finding.ts";
export { findFileId } from "./inspect/find_file_id.ts";
export { knownRecords } from "./inspect/known_records.ts";
export { type Pace, piecesOf, readPieces } from "./inspect/pieces.ts";
export { lostRecords } from "./inspect/sorted/lost_records.ts";
export { type RecordArea, type RecordSink, RecordWalk } from "./inspect/record_walk.ts";
export * from "./layer.ts";
export {
  descriptionFault,
  type LayerDescription,
  type LayerKind,
  type LayerSummary,
} from "./layer_description.ts";
export { type LayerEdit, LayerMap } from "./layer_map.ts";
export { Candidates } from "./candidates.ts";
export { divideIntoRuns } from "./divide_layers.ts";
export { commonLength, keyHead } from "./key_head.ts";
export { firstArrival } from "./memory/arrivals.ts";
export { type FrozenColumns, FrozenIndex, type SortedVersions } from "./memory/frozen_index.ts";
export type { ArrayMemory, TakeMemory } from "./memory/growing_array.ts";
export { memoryCursor } from "./memory/memory_cursor.ts";
export { MemoryIndex, type MemoryIndexHint, sortIndex } from "./memory/memory_index.ts";
export { mergeCursors, type MergedCursor } from "./merge.ts";
export { compareSpans, isSameSpan } from "./spans.ts";
export { Descent, DescentSteps, findVersion, wantFilter } from "./tree/descent.ts";
export type { Finger } from "./tree/finger.ts";
export { pageCursor } from "./tree/page_cursor.ts";
export { type RunCursor, runCursor } from "./tree/run_cursor.ts";
export {
  compareRowKey,
  compareRows,
  noPages,
  type PageSource,
  rowKey,
  VersionBlock,
  type VersionCursor,
  type VersionRange,
} from "./version_cursor.ts";
export {
  LayerBuilder,
  type LayerIdentity,
  type LayerSink,
  writeLayer,
  type WriteLayerOptions,
} from "./write_layer.ts";
