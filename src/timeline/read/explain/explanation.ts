/**
 * What a read cost, as people are told.
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";
import type { LayerKind } from "../../../layer/mod.ts";

/** Where a record was when it was read: in the buffers of a writer, in the cache, or in its file. */
export type RecordSource = "memory" | "cache" | "disk";

/** A layer that a key was looked for in. */
export interface LayerVisit {
  /** `open` and `frozen` layers have their index in memory. A frozen one may have been sealed since the read began. */
  readonly kind: "open" | "frozen" | LayerKind;
  /** The file. */
  readonly path: string;
  /** The LSN of its first batch. */
  readonly firstLsn: Lsn;
  /** The LSN of its last batch, so far. */
  readonly lastLsn: Lsn;
  /**
   * Of an image, its LSN: whatever came of it, nothing at or below that LSN was looked for in another layer. `undefined`
   * of others.
   */
  readonly imageLsn: Lsn | undefined;
  /**
   * What came of it. `found`: it has a version; `filter`: its bloom filter excused it; `absent`: its index has no version
   * at or before the LSN; `damaged`: its index could not be read.
   */
  readonly outcome: "found" | "filter" | "absent" | "damaged";
  /**
   * Whether its filter let the key pass in vain. Of a layer that reaches beyond the LSN it cannot be told, since the filter
   * may speak of a later version: that counts as `false`.
   */
  readonly falsePositive: boolean;
  /** Pages of its index and filter that were found in the cache. */
  readonly cachedPages: number;
  /** Those that had to be waited for. Keys that need the same page each have it here. */
  readonly readPages: number;
}

/** Where the version of a key lies that was read. */
export interface FoundVersion {
  /** The kind of its layer; see {@linkcode LayerVisit.kind}. */
  readonly kind: LayerVisit["kind"];
  /** The file. */
  readonly path: string;
  /** The LSN of the version. */
  readonly lsn: Lsn;
  /** Where in the file its record starts, in bytes. */
  readonly offset: number;
  /** The length of its record in bytes. */
  readonly byteLength: number;
  /** Whether it is a deletion. */
  readonly deleted: boolean;
  /** Where its record was; `undefined` if none was read, since the index tells deletions. */
  readonly source: RecordSource | undefined;
}

/** What the read of one key took. */
export interface KeyExplanation {
  /** The key. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** The length of its value in bytes; `undefined` if it has none, or none could be read. */
  readonly valueBytes: number | undefined;
  /** Where its version lies; `undefined` if it is absent, or that could not be found out. */
  readonly found: FoundVersion | undefined;
  /** How many patched versions its value was made of, newer ones than the whole value that they stand on. */
  readonly patches: number;
  /** Why it could not be read, if so. */
  readonly error: Error | undefined;
  /** The layers that it was looked for in, newest first. */
  readonly visits: readonly LayerVisit[];
  /** Layers that were passed over since their keys do not reach to it. */
  readonly excusedByRange: number;
  /** Layers that were passed over since they begin behind the LSN. */
  readonly excusedByLsn: number;
  /** Layers that were passed over since nothing in them can be newer than what was found. */
  readonly excusedByAge: number;
}

/** What the visits of all keys came to. */
export interface VisitCosts {
  /** Visits of layers whose index is in memory. */
  readonly memory: number;
  /** Visits of stored layers, those that a filter ended among them. */
  readonly stored: number;
  /** Visits that a filter ended. */
  readonly excusedByFilter: number;
  /** Visits for which a filter let a key pass in vain; see {@linkcode LayerVisit.falsePositive}. */
  readonly falsePositives: number;
}

/** What finding places in indexes and filters cost. Pages have 8 KiB. */
export interface IndexCosts {
  /** Different pages that were looked at and found in the cache. */
  readonly cachedPages: number;
  /** Pages that were read from files. */
  readonly readPages: number;
  /** Footers of layers that were read beside them, each once while the store is open. */
  readonly readFooters: number;
  /** Pages and footers that were on their way for another read. */
  readonly sharedPages: number;
  /** Reads from files, after neighbours were merged. */
  readonly reads: number;
  /** Bytes that they transferred. */
  readonly readBytes: number;
  /** How often the read waited for pages. */
  readonly rounds: number;
}

/** What reading records cost. */
export interface ValueCosts {
  /** Records that were in the buffers of a writer. */
  readonly memoryRecords: number;
  /** Records that were found in the cache, alone or in a run. */
  readonly cachedRecords: number;
  /** Records that were read from files, alone or in a run: alone, as many reads as there would be without merging. */
  readonly readRecords: number;
  /** Reads from files, after neighbours were merged and large records cut. */
  readonly reads: number;
  /** Bytes that they transferred, gaps and alignment included. */
  readonly readBytes: number;
  /** Bytes of values that were given out. */
  readonly valueBytes: number;
  /** How often the read waited for records, other than beside pages. */
  readonly rounds: number;
}

/** How long the phases of a read took, in milliseconds. */
export interface PhaseTimes {
  /** Walking through indexes in memory and through pages that are there; what others did in turns between counts too. */
  readonly walk: number;
  /** Waiting for pages. */
  readonly pages: number;
  /** Reading records, waiting for them and checking them. */
  readonly values: number;
  /** All of it. */
  readonly total: number;
}

/** What a read of keys cost; of {@linkcode Reader.explain}. */
export interface Explanation {
  /** The LSN that was read as of. */
  readonly lsn: Lsn;
  /** Layers that the read saw whose index is in memory. */
  readonly memoryLayers: number;
  /** Stored layers that it saw. */
  readonly storedLayers: number;
  /** What each key took, in request order. */
  readonly keys: readonly KeyExplanation[];
  /** Visits of layers. */
  readonly visits: VisitCosts;
  /** Indexes and filters. */
  readonly index: IndexCosts;
  /** Records. */
  readonly values: ValueCosts;
  /** How long it took. */
  readonly milliseconds: PhaseTimes;
}
