/**
 * What a branch has of the timeline that it goes on from.
 *
 * @module
 */

import type { Lsn } from "../base/mod.ts";
import type { MemoryLayer } from "../layer/mod.ts";
import type { Dates } from "./dates.ts";
import type { Lineage } from "./read/levels.ts";
import type { View } from "./read/view.ts";

/** Where a branch goes on. */
export interface BranchPoint {
  /** The name of the branch. */
  readonly timeline: string;
  /** Its branch LSN. */
  readonly lsn: Lsn;
}

/** The timeline that a branch goes on from. */
export interface Ancestor {
  /** Its name. */
  readonly name: string;
  /** The branch LSN: what it has up to it is the branch's too. */
  readonly lsn: Lsn;
  /** Its layers at any moment, and what is older. */
  readonly lineage: Lineage;
  /** When its batches were appended. */
  readonly dates: Dates;
  /** The first LSN that it can be read as of. */
  readonly readable: Lsn;
  /** Opens a view of it as of an LSN that it can be read as of. */
  openView(lsn: Lsn): View;
  /** Whether a layer in memory is an open one of it, or of what it goes on from itself. */
  isOpen(layer: MemoryLayer): boolean;
  /** Keeps its horizon, and those of what it goes on from, at or below where a branch goes on that is being made. */
  pin(branch: BranchPoint): Disposable;
}
