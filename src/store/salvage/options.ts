/**
 * How a store is salvaged, and what came of it.
 *
 * @module
 */

import { checkNames, type CorruptionError, type IoError, type Lsn, typeName } from "../../base/mod.ts";
import type { StoreOptions } from "../options.ts";

/** How far a salvage has come. */
export interface SalvageProgress {
  /** Bytes that were read. */
  readonly bytes: number;
  /** Bytes that there are to read. */
  readonly totalBytes: number;
  /** Batches that were copied. */
  readonly batches: number;
}

/** Options of {@linkcode salvage}. */
export interface SalvageOptions extends Pick<StoreOptions, "ioMode" | "ioEngine"> {
  /**
   * What becomes of a batch that may lack records because damage stands beside it: its other records are kept, or it is
   * dropped as a whole, so that every batch is copied whole or not at all. The default is `"keep"`. The report names it
   * in either case.
   */
  incomplete?: "keep" | "drop" | undefined;
  /** Stops it: it rejects with the signal's reason, and what was copied until then stays. */
  signal?: AbortSignal | undefined;
  /** Is told how far it has come, at every piece of 16 KiB. */
  progress?: ((progress: SalvageProgress) => void) | undefined;
}

/** What could not be copied. */
export interface LostStretch {
  /** The file. */
  readonly path: string;
  /** Where the stretch starts in it in bytes. */
  readonly offset: number;
  /** Its length in bytes; `undefined` if the whole file is lost. */
  readonly length: number | undefined;
  /** The LSNs that records in it may have had, where the records around it tell. */
  readonly lsns: { readonly first: Lsn; readonly last: Lsn } | undefined;
  /** Why, if it is not that its bytes do not check. */
  readonly error: CorruptionError | IoError | undefined;
}

/** What came of one timeline. */
export interface SalvagedTimeline {
  /** Its name in the new store: that of the manifest, or its id in 16 hexadecimal digits where no manifest tells. */
  readonly name: string;
  /**
   * Of a branch: the name of the timeline that it goes on from, and the branch LSN. What it has of that is as whole as that
   * is. Where no manifest tells, a branch is salvaged as a timeline of its own, without that.
   */
  readonly ancestor?: { readonly name: string; readonly lsn: Lsn } | undefined;
  /** Batches that were copied, each at its LSN. */
  readonly batches: number;
  /** Changes in them: of a record of patches, each that it was made of. */
  readonly records: number;
  /** The LSN of the first of them; 0 if there is none. */
  readonly firstLsn: Lsn;
  /** The LSN of the last of them. */
  readonly lastLsn: Lsn;
  /** What was lost, in the order of files: the first thousand stretches. */
  readonly lost: readonly LostStretch[];
  /** How many stretches were lost. */
  readonly lostCount: number;
  /** LSNs of batches that may lack records, kept or dropped as was asked for: the first thousand. */
  readonly incomplete: readonly Lsn[];
  /** How many batches may lack records. */
  readonly incompleteCount: number;
  /** Batches that were found again at an LSN that was copied, and were left out. */
  readonly repeated: number;
}

/** What came of a salvage. */
export interface SalvageReport {
  /** The new store's directory. */
  readonly path: string;
  /**
   * Whether the manifest could be read. Without it names of timelines are lost: their ids stand for them. And branches are
   * no branches any more: each has its own versions, and none of those that it went on from.
   */
  readonly hasManifest: boolean;
  /** Why not. */
  readonly manifestError: Error | undefined;
  /** What came of each timeline. */
  readonly timelines: readonly SalvagedTimeline[];
}

const names = ["incomplete", "signal", "progress", "ioMode", "ioEngine"];

/**
 * Checks options; those of IO are checked where they are used.
 *
 * @throws {TypeError} If one is unknown or of a wrong type.
 * @throws {RangeError} If `incomplete` is neither `"keep"` nor `"drop"`.
 */
export function checkSalvageOptions(options: SalvageOptions): void {
  checkNames("salvage", options, names);
  const { incomplete = "keep", signal, progress } = options;
  if (incomplete !== "keep" && incomplete !== "drop") {
    throw new RangeError(`Cannot salvage: expected "incomplete" to be keep or drop, found "${incomplete}"`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`Cannot salvage: expected "signal" to be an AbortSignal, found ${typeName(signal)}`);
  }
  if (progress !== undefined && typeof progress !== "function") {
    throw new TypeError(`Cannot salvage: expected "progress" to be a function, found ${typeName(progress)}`);
  }
}
