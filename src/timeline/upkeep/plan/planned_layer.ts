/**
 * What the plan of upkeep knows of layers, what it is told to reach, and what it asks for: plain data.
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";
import type { LayerDescription } from "../../../layer/mod.ts";

/** What a description says that matters to the plan. */
type Known =
  | "kind"
  | "sequence"
  | "firstKey"
  | "lastKey"
  | "firstLsn"
  | "lastLsn"
  | "byteLength"
  | "versions"
  | "keys"
  | "horizon";

/** A stored layer, and where the plan has put it. */
export interface PlannedLayer extends Pick<LayerDescription, Known> {
  /** 0 for what was sealed and not merged; else what the job said that made or moved it, or that of columns. */
  readonly level: number;
}

/** What upkeep is to reach. */
export interface PlanSettings {
  /** How many bytes a layer should have that a merge writes to the lowest level. */
  readonly outputBytes: number;
  /** The same for other levels: less, so that less lies under a layer and more fits a merge. */
  readonly upperOutputBytes: number;
  /** So many layers at level 0 that have the same key are merged, where nothing is appended or levels leave no more. */
  readonly mergeL0s: number;
  /** So many layers may have a key while appends go on: what levels in use leave of it is for level 0. */
  readonly mostDepth: number;
  /** So many layers at level 0 are merged, wherever they lie. */
  readonly mostL0s: number;
  /** A level has at most so many times the bytes of the level above it, as long as there are levels for it. */
  readonly sizeRatio: number;
  /** The most bytes that one merge takes in, if a single layer and what lies under it have no more. */
  readonly mostInputBytes: number;
  /** How many bytes a merge may write; left out, as many as it comes to. Others are planned than without it. */
  readonly roomBytes?: number | undefined;
  /** Merges that take in no more than so many bytes read segments as they came: in a few windows, each time all of them. */
  readonly scatteredBytes: number;
  /** How many levels one merge may take layers down. */
  readonly mostLevels: number;
  /** So many versions that no read needs may stay for each that one does, where there is a horizon. */
  readonly mostStale: number;
  /** The same where nothing is appended: fewer, for what is written once then. */
  readonly mostStaleAtRest: number;
  /** Below which LSN history may be given up; left out, all is kept. */
  readonly horizon?: Lsn | undefined;
  /** Whether nothing has been appended since the last layer was sealed, so that few layers at level 0 go down too. */
  readonly isAtRest?: boolean | undefined;
}

/** What is shipped; see `docs/decisions/010-levels-from-the-bottom-up.md`. */
export const defaultPlanSettings: PlanSettings = {
  outputBytes: 128 * 2 ** 20,
  upperOutputBytes: 32 * 2 ** 20,
  mergeL0s: 3,
  mostDepth: 10,
  mostL0s: 12,
  sizeRatio: 4,
  mostInputBytes: 2 ** 30,
  scatteredBytes: 128 * 2 ** 20,
  mostLevels: 7,
  mostStale: 0.5,
  mostStaleAtRest: 0.07,
};

/** The segments for which the sizes of {@linkcode defaultPlanSettings} are, and the largest that they grow with. */
const usualSegmentBytes = 64 * 2 ** 20, mostSegmentBytes = 512 * 2 ** 20;

/** What is to be reached where segments have so many bytes: sizes grow and shrink with them. */
export function planSettingsFor(segmentBytes: number): PlanSettings {
  const share = Math.min(segmentBytes, mostSegmentBytes) / usualSegmentBytes;
  const { outputBytes, upperOutputBytes, mostInputBytes, ...counts } = defaultPlanSettings;
  return {
    ...counts,
    outputBytes: outputBytes * share,
    upperOutputBytes: upperOutputBytes * share,
    mostInputBytes: mostInputBytes * share,
  };
}

/** Where an output may end. */
export interface OutputCut {
  /** An output that ends here ends before this key. */
  readonly key: Uint8Array;
  /** Whether an output must end here; else it may, if it is nearly full. */
  readonly must: boolean;
}

/** What is to be done next. One edit ends it, which takes the inputs out and puts what came of them in. */
export interface PlannedJob {
  /** `merge`: the inputs are written anew; `move`: an edit gives them another level; `remove`: an edit takes them out. */
  readonly work: "merge" | "move" | "remove";
  /** The layers, all of which go. */
  readonly inputs: readonly PlannedLayer[];
  /**
   * The level of what comes, but for versions of one key that fill a layer, which come as columns: beside each other in
   * LSN, at their own level. What comes at level 0 is one layer.
   */
  readonly level: number;
  /** Where outputs end, ascending; none for a move. */
  readonly cuts: readonly OutputCut[];
  /** Whether no layer beside the inputs holds older versions of their keys, so that tombstones may go. */
  readonly isOldest: boolean;
}

/** What stands between a timeline and nothing to do. */
export interface UpkeepPlan {
  /** The next job; left out, there is none. */
  readonly job: PlannedJob | undefined;
  /** About how many bytes must still be written until nothing is to do. */
  readonly debt: number;
  /**
   * How far over its bounds the worst level is: 0 within, 1 at twice as much as it should be; 11 where a key has twelve
   * times as many layers at level 0 as at rest, which are 36.
   */
  readonly pressure: number;
}
