/**
 * A layer that is being written or sealed.
 *
 * @module
 */

import type { Lsn } from "../base/mod.ts";
import type { FileFooter, MemoryIndex } from "../layer/mod.ts";
import { type LayerEntry, segmentName } from "../manifest/mod.ts";
import type { SegmentWriter } from "../segment/mod.ts";
import type { MemoryLayer } from "./layer_set.ts";
import { idName } from "./timeline_context.ts";

/** A segment, its index, and when its file is made and a durable manifest names it. */
export class LiveLayer implements MemoryLayer {
  /** The writer of its segment. */
  readonly segment: SegmentWriter;
  /** Where its records lie. */
  readonly index: MemoryIndex;
  /** When its file is made. */
  readonly made: Promise<unknown>;
  /** When a durable manifest names it. */
  readonly named: Promise<void>;
  /** Whether sealing has closed the file. */
  isClosed = false;

  /** Joins a segment and its index. */
  constructor(segment: SegmentWriter, index: MemoryIndex, made: Promise<unknown>, named: Promise<void>) {
    this.segment = segment;
    this.index = index;
    this.made = made;
    this.named = named;
  }

  /** The path of its segment. */
  get path(): string {
    return this.segment.path;
  }

  /** Who has its newest bytes in memory. */
  get writer(): SegmentWriter["writer"] {
    return this.segment.writer;
  }

  /** The LSN of its first batch. */
  get firstLsn(): Lsn {
    return this.segment.header.firstLsn;
  }

  /** The LSN of its last batch, so far. */
  get lastLsn(): Lsn {
    return this.segment.lastLsn;
  }
}

/** The path of a segment, sealed or not. */
export function pathOf(directory: string, file: { firstLsn: number; sequence: number }): string {
  return `${directory}/${segmentName(file.firstLsn, file.sequence)}`;
}

/** What the manifest says of a layer that was sealed. */
export function describeSealed(layer: LiveLayer, footer: FileFooter, byteLength: number): LayerEntry {
  return {
    fileId: idName(footer.fileId),
    sequence: layer.segment.header.sequence,
    firstLsn: footer.firstLsn,
    lastLsn: footer.lastLsn,
    byteLength,
    versions: footer.versions,
    tombstones: footer.tombstones,
    keys: footer.keys,
    firstKey: footer.firstKey.toHex(),
    lastKey: footer.lastKey.toHex(),
  };
}
