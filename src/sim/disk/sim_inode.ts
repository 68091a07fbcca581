/**
 * A file of a simulated disk, whatever its names are: what is durable, and what was done since.
 *
 * ```
 *   durable ── pending: write, resize, write … ──► current, which readers see
 *      └── settle() brings the pending changes up to a moment ──┘
 * ```
 *
 * @module
 */

import { blockBytes } from "../../base/mod.ts";
import { Extent, Image } from "./image.ts";

/** A write that a loss of power may undo, as a whole or sector by sector. */
export interface Written {
  /** What it is. */
  readonly kind: "written";
  /** When it happened: numbers of one disk, which grow. */
  readonly time: number;
  /** What was written. */
  readonly extent: Extent;
  /** Whether it may be what makes the file as long as it is after a loss of power. */
  readonly mayExtend: boolean;
}

/** A change of the length that a loss of power may undo. */
export interface Resized {
  /** What it is. */
  readonly kind: "resized";
  /** When it happened. */
  readonly time: number;
  /** The length in bytes. */
  readonly length: number;
  /** Whether a longer file stays as it is. */
  readonly grow: boolean;
  /** What was written durably behind the end since, and stands there whether the file was cut or not. */
  readonly kept?: readonly Extent[];
}

/** What was done to a file and is not durable. */
export type FileChange = Written | Resized;

/** See the top of the file. */
export class SimInode {
  /** What it is. */
  readonly kind = "file";
  /** What a loss of power leaves at least, unless a pending change is left over it. */
  readonly durable: Image;
  /** What readers see. */
  readonly current: Image;
  /** What was done and is not durable, in order. */
  pending: FileChange[];
  /** What stood in blocks before they were last written. */
  readonly older: Map<number, Uint8Array>;
  /** Whether readers see bytes of the page cache that a failed sync dropped. */
  isDropped: boolean;

  /** Makes a file; it owns what it is given. */
  constructor(
    durable: Image = new Image(),
    current: Image = durable.share(),
    pending: FileChange[] = [],
    older: Map<number, Uint8Array> = new Map(),
    isDropped = false,
  ) {
    this.durable = durable;
    this.current = current;
    this.pending = pending;
    this.older = older;
    this.isDropped = isDropped;
  }

  /** The same file again, to be changed apart. */
  clone(): SimInode {
    const { durable, current, pending, older, isDropped } = this;
    return new SimInode(durable.share(), current.share(), pending.slice(), new Map(older), isDropped);
  }

  /** Writes bytes, which a loss of power may undo. */
  write(time: number, extent: Extent): void {
    this.#remember(extent);
    const mayBeCut = this.pending.some((change) => change.kind === "resized" && !change.grow);
    this.#change({ kind: "written", time, extent, mayExtend: mayBeCut || extent.end > this.durable.length });
  }

  /** Changes the length, which a loss of power may undo; with `grow`, a longer file stays as it is. */
  resize(time: number, length: number, grow: boolean): void {
    this.#change({ kind: "resized", time, length, grow });
  }

  #change(change: FileChange): void {
    applyWhole(this.current, change);
    this.pending.push(change);
  }

  /**
   * Writes bytes that are durable, and the length with them. What pending writes brought to the same place is then over,
   * and a pending cut takes them no more; all else that is pending stays so.
   */
  writeDurably(extent: Extent): void {
    this.#remember(extent);
    this.pending = this.pending.flatMap((change): FileChange[] =>
      change.kind === "written" ? without(change, extent.offset, extent.end) : [keeping(change, extent)]
    );
    this.durable.put(extent);
    this.current.put(extent);
  }

  /** Makes durable what happened before a time. */
  settle(before: number): void {
    for (const change of this.pending) if (change.time < before) applyWhole(this.durable, change);
    this.pending = this.pending.filter(({ time }) => time >= before);
  }

  /** Forgets what happened before a time, as a system does whose sync failed: readers still see it, the disk never will. */
  drop(before: number): void {
    const kept = this.pending.filter(({ time }) => time >= before);
    this.isDropped ||= kept.length < this.pending.length;
    this.pending = kept;
  }

  #remember({ offset, end }: Extent): void {
    for (let number = Math.floor(offset / blockBytes); number * blockBytes < end; number++) {
      const block = this.current.block(number);
      if (block !== undefined) this.older.set(number, block.bytes);
    }
  }
}

/** Does a change to an image. */
export function applyWhole(image: Image, change: FileChange): void {
  if (change.kind === "written") image.put(change.extent);
  else {
    image.resize(change.grow ? Math.max(change.length, image.length) : change.length);
    for (const extent of change.kept ?? []) image.put(extent);
  }
}

/** A change of the length that takes nothing of an extent away. */
function keeping(resized: Resized, extent: Extent): Resized {
  const { grow, length, kept = [] } = resized;
  // What was kept before is put over the whole file again, so that what follows it must be too.
  if (grow || length >= extent.end && kept.length === 0) return resized;
  return { ...resized, kept: [...kept, extent] };
}

/** What is left of a write without a range of the file. */
function without(written: Written, from: number, to: number): Written[] {
  const { offset, end, bytes } = written.extent;
  if (to <= offset || from >= end) return [written];
  const parts: Written[] = [];
  if (offset < from) {
    parts.push({ ...written, extent: new Extent(offset, bytes.subarray(0, from - offset)) });
  }
  if (to < end) parts.push({ ...written, extent: new Extent(to, bytes.subarray(to - offset)) });
  return parts;
}
