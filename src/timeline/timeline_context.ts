/**
 * What a timeline is given by its store, and the objects that it speaks of.
 *
 * @module
 */

import { assert, type Shard } from "../base/mod.ts";
import type { Host } from "../io/mod.ts";
import type { LayerDescription } from "../layer/mod.ts";
import type { Manifest, SegmentDescription, TimelineState } from "../manifest/mod.ts";
import { type ObjectId, objectId, type Objects } from "../objects/mod.ts";
import type { Ancestor } from "./ancestor.ts";
import type { Meters } from "./meters.ts";
import type { Views } from "./read/view.ts";
import type { MergeContext } from "./upkeep/merge/merge_context.ts";
import type { HistoryPolicy } from "./upkeep/retain/history_policy.ts";
import type { UpkeepRunner } from "./upkeep/runner/upkeep_runner.ts";
import type { StoreUpkeep } from "./upkeep/store_upkeep.ts";

/** How large things may become, and how long they may wait. */
export interface TimelineSettings {
  /** The size at which a segment is frozen, in bytes. */
  readonly segmentBytes: number;
  /** The memory of an index at which its layer is frozen, in bytes. */
  readonly indexBytes: number;
  /** What may wait in buffers and in indexes of frozen layers before appends are refused, in bytes. */
  readonly waitingBytes: number;
  /** How long a batch that nobody syncs may stay out of its file, in milliseconds. */
  readonly flushMilliseconds: number;
  /** How much history is kept. @default {"all"} */
  readonly history?: HistoryPolicy | undefined;
}

/** What a timeline is given by its store. */
export interface TimelineContext {
  /** The outside world. */
  readonly host: Host;
  /** Where segments and layers lie. */
  readonly objects: Objects;
  /** What exists. */
  readonly manifest: Manifest;
  /** How large things may become, and how long they may wait. */
  readonly settings: TimelineSettings;
  /** Whether nothing may be written. */
  readonly readOnly: boolean;
  /** Reads what another process has written meanwhile, if the store is only read. */
  readonly refresh?: (() => Promise<void>) | undefined;
  /** The timeline's name. */
  readonly name: string;
  /** The timeline's id. */
  readonly id: number;
  /** The timeline that it goes on from, if it is a branch. */
  readonly ancestor?: Ancestor | undefined;
  /** The store's id, 32 hexadecimal digits. */
  readonly storeId: string;
  /** What is being read. */
  readonly views: Views;
  /** Who does the heavy work of upkeep. */
  readonly runner: UpkeepRunner;
  /** What is measured, for all timelines of the store. */
  readonly meters: Meters;
  /** Is told, in a sentence, what went wrong and is of no harm. */
  readonly note?: ((text: string) => void) | undefined;
  /** Whose turn it is to merge. */
  readonly upkeep: StoreUpkeep;
  /** Which of several stores this is; `undefined` if it is the only one. */
  readonly shard?: Shard | undefined;
}

/** What the manifest says of the timeline now. */
export function timelineState({ manifest, id }: TimelineContext): TimelineState {
  const state = manifest.state.timelines.find((timeline) => timeline.id === id);
  assert(state !== undefined, "a timeline that is open is in the manifest");
  return state;
}

/** What merging needs of the timeline. */
export function mergeContext({ host, objects, storeId, id, manifest, views }: TimelineContext): MergeContext {
  return { host, objects, storeId, id, generation: manifest.state.generation, redoer: views.redoer };
}

/** The object of a segment or of a layer of a timeline; a segment keeps its object when it becomes a layer. */
export function objectOf(
  { id }: Pick<TimelineState, "id">,
  file: SegmentDescription | LayerDescription,
): ObjectId {
  const { firstLsn, sequence, generation } = file;
  const kind = "kind" in file && file.kind !== "L0" ? file.kind : "seg";
  return objectId({ timeline: id, firstLsn, sequence, generation, kind });
}
