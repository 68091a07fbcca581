/**
 * What a loss of power makes of one change that is not durable.
 *
 * @module
 */

import { blockBytes } from "../../base/mod.ts";
import type { Choices } from "../choices.ts";
import { chance, pick } from "../choices.ts";
import type { Binding } from "./sim_directory.ts";
import type { FileChange, Written } from "./sim_inode.ts";

/** What a disk writes as a whole. */
export const sectorBytes = 512;
const sectorsPerBlock = blockBytes / sectorBytes;

/** A change that a loss of power may undo. */
export type Volatile = FileChange | Binding;

/** How a write was torn. */
export interface Torn {
  /** Whether the length that it brought is there, whatever of its bytes is. */
  readonly sized: boolean;
  /** Whether a sector of the file was written, by its number. */
  has(sector: number): boolean;
}

/**
 * What a loss of power makes of a change. Of a write that is `"stale"` the length is there, and behind the old end what
 * stood on the disk before.
 */
export type Fate = "kept" | "lost" | "stale" | Torn;

/** The block that a sector is in. */
export function blockOf(sector: number): number {
  return Math.floor(sector / sectorsPerBlock);
}

/** The sectors that a write touches: the first, and the first after it. */
export function sectorsOf({ extent }: Written): [from: number, to: number] {
  return [Math.floor(extent.offset / sectorBytes), Math.ceil(extent.end / sectorBytes)];
}

/** A fate by choice: 0 keeps the change. */
export function chooseFate(change: Volatile, choices: Choices): Fate {
  const kind = choices.choose(change.kind !== "written" ? 2 : change.mayExtend ? 6 : 5);
  if (kind === 0) return "kept";
  if (kind === 1) return "lost";
  if (kind === 2) return { sized: true, has: () => false };
  if (kind === 5) return "stale";
  return chooseTorn(change as Written, kind === 3 ? blockOf : (sector) => sector, choices);
}

/** A write of which some pieces are there; `pieceOf` says which piece a sector is in. */
function chooseTorn(written: Written, pieceOf: (sector: number) => number, choices: Choices): Torn {
  const sized = choices.choose(2) === 1;
  const lostInTen = pick(choices, [1, 5, 9]);
  const lost = new Set<number>();
  const [from, to] = sectorsOf(written);
  for (let piece = pieceOf(from); piece <= pieceOf(to - 1); piece++) {
    if (chance(choices, lostInTen, 10)) lost.add(piece);
  }
  return { sized, has: (sector) => !lost.has(pieceOf(sector)) };
}
