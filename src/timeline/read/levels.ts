/**
 * Where a read looks: the layers of its timeline, and under them those of the timelines that it goes on from.
 *
 * ```
 *   LSN ─►   1 ………………… 40 …………………………… 90 ……………… 130
 *   main     ━━━━━━━━━━━━┿━━━━━━━━━━━━━━━━━━━━━━━━━━━━━     level 2, as of 40
 *                        └ b ━━━━━━━━━━━━┿━━━━━━━━━━━       level 1, as of 90
 *                                        └ c ━━━━━━━━━●     level 0, as of 130: what is read
 * ```
 *
 * V1  All that counts of a level is newer than all that counts of those under it: a branch begins above its branch LSN,
 *     as of which the level under it is looked at. So a version that needs nothing older ends the walk of its key at its
 *     level, and levels follow each other in a history.
 * V2  No layer of a branch says what its ancestors lack: it keeps tombstones, and is no image.
 *
 * A timeline that is no branch has one level.
 *
 * @module
 */

import type { Lsn } from "../../base/mod.ts";
import type { LayerMap } from "../../layer/mod.ts";

/** Layers, and the LSN that they are looked at as of. */
export interface Level {
  /** The layers. */
  readonly map: LayerMap;
  /** Newer versions of them do not count. */
  readonly lsn: Lsn;
}

/** Layers, and where history goes on that is older. */
export interface Lineage {
  /** The layers. */
  readonly map: LayerMap;
  /** Where it goes on; `undefined` if these have all of it. */
  readonly older: Origin | undefined;
}

/** A lineage up to an LSN. */
export interface Origin {
  /** The layers, and what is older. */
  readonly lineage: Lineage;
  /** Newer versions of it do not count. */
  readonly lsn: Lsn;
}

/** Levels as a lineage that stays as it is. */
export function lineageOf([level, ...older]: readonly Level[]): Lineage {
  const [next] = older;
  return { map: level.map, older: next && { lineage: lineageOf(older), lsn: next.lsn } };
}

/** Levels as of an earlier LSN. */
export function levelsAsOf(levels: readonly Level[], lsn: Lsn): Level[] {
  return levels.map((level) => ({ map: level.map, lsn: Math.min(level.lsn, lsn) }));
}
