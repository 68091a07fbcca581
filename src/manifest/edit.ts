/**
 * Edits: changes of what exists, as data.
 *
 * @module
 */

import type { Lsn, Times } from "../base/mod.ts";
import type { LayerDescription } from "../layer/mod.ts";
import type { LevelledLayer, SegmentDescription, TimelineState, Witness } from "./state.ts";

/** A change of what exists. */
export type Edit =
  /** Raises the generation of the store. */
  | { readonly type: "generation"; readonly generation: number }
  /** Adds a timeline, which may have segments and layers. */
  | { readonly type: "addTimeline"; readonly timeline: TimelineState }
  /** Drops a timeline with all that it has; nothing goes on from it. Its id is among those that were dropped then. */
  | { readonly type: "dropTimeline"; readonly id: number }
  /** Forgets a timeline that was dropped: its directory is durably gone. */
  | { readonly type: "forgetTimeline"; readonly id: number }
  | TimelineEdit;

/** A change of one timeline, whose id it tells. */
export type TimelineEdit =
  /** Adds a segment, newer than all others, whose sequence is `nextSequence` or more. */
  | { readonly type: "addSegment"; readonly id: number; readonly segment: SegmentDescription }
  /** Drops segments that hold no history. */
  | { readonly type: "dropSegments"; readonly id: number; readonly sequences: readonly number[] }
  /** Makes a segment an L0 layer of the same sequence, generation, file and first LSN, at level 0, and adds its times. */
  | { readonly type: "seal"; readonly id: number; readonly layer: LayerDescription; readonly times: Times }
  /** Drops layers, by their sequences, and adds others that stand for them, in any order. */
  | {
    readonly type: "replaceLayers";
    readonly id: number;
    readonly remove: readonly number[];
    readonly add: readonly LevelledLayer[];
  }
  /** Gives layers, by their sequences, another level. Nothing is written but this. */
  | {
    readonly type: "moveLayers";
    readonly id: number;
    readonly sequences: readonly number[];
    readonly level: number;
  }
  /** Says how far a segment is known durable, in place of what was known before. */
  | { readonly type: "witness"; readonly id: number; readonly sequence: number; readonly witness: Witness }
  /** Raises `nextSequence`, if it is less: the numbers below may be those of files that are being made. */
  | { readonly type: "reserve"; readonly id: number; readonly nextSequence: number }
  /** Raises the horizon, if it is less. */
  | { readonly type: "horizon"; readonly id: number; readonly lsn: Lsn };
