/**
 * Which layers there are: the open layer, frozen layers, and sealed L0 layers. A set never changes; what changes is
 * which set is the newest, so that a reader that took one keeps a consistent view in O(1).
 *
 * ```
 *   LSN ▲  ┌───────────── open ─────────────┐
 *       │  ├──────────── frozen ────────────┤   newest last in `frozen`
 *       │  ├───────────── L0 ───────────────┤
 *       │  ├───────────── L0 ───────────────┤   newest last in `sealed`
 *       └──┴────────────────────────────────┴─► key
 * ```
 *
 * L1  LSN ranges of layers do not overlap; they increase from the oldest sealed layer to the open layer.
 *
 * @module
 */

import type { BufferedWriter } from "../io/mod.ts";
import { type MemoryIndex, SealedFile } from "../layer/mod.ts";
import type { LayerEntry } from "../manifest/mod.ts";

/** A layer whose index is in memory: open, or frozen and being sealed. */
export interface MemoryLayer {
  /** Where its records lie. */
  readonly index: MemoryIndex;
  /** The path of its segment. */
  readonly path: string;
  /** Who writes its segment, and has its newest bytes in memory; `undefined` if everything is in the file. */
  readonly writer: BufferedWriter | undefined;
  /** The LSN of its first batch. */
  readonly firstLsn: number;
  /** The LSN of its last batch, so far. */
  readonly lastLsn: number;
}

/** A sealed layer, known from the manifest; its file is opened when it is first needed. */
export class SealedLayer {
  /** What the manifest says of it. */
  readonly entry: LayerEntry;
  /** Its file. */
  readonly file: SealedFile;
  /** The smallest key in it. */
  readonly firstKey: Uint8Array;
  /** The largest key in it. */
  readonly lastKey: Uint8Array;

  /**
   * Describes a layer.
   *
   * @param entry What the manifest says of it.
   * @param path The path of its file.
   */
  constructor(entry: LayerEntry, path: string) {
    this.entry = entry;
    this.file = new SealedFile({ path, fileId: BigInt(`0x${entry.fileId}`), byteLength: entry.byteLength });
    this.firstKey = Uint8Array.fromHex(entry.firstKey);
    this.lastKey = Uint8Array.fromHex(entry.lastKey);
  }
}

/** The layers of a timeline at one moment. */
export interface LayerSet {
  /** The open layer, if anything was appended since the last freeze. */
  readonly open: MemoryLayer | undefined;
  /** Frozen layers, oldest first. */
  readonly frozen: readonly MemoryLayer[];
  /** Sealed layers, oldest first. */
  readonly sealed: readonly SealedLayer[];
}

/** The layers of a timeline without history. */
export const noLayers: LayerSet = { open: undefined, frozen: [], sealed: [] };

/** The layers whose index is in memory, newest first. */
export function memoryLayers(layers: LayerSet): MemoryLayer[] {
  const newestFirst = layers.frozen.toReversed();
  if (layers.open !== undefined) newestFirst.unshift(layers.open);
  return newestFirst;
}
