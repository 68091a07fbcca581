/**
 * One segment of a log, as readers see it.
 *
 * G1  A segment that somebody reads stays readable until the last of them leaves it, whatever was given up meanwhile: here
 *     its file is removed then; who only reads has had it open since it came.
 *
 * @module
 */

import { blockBytes, CorruptionError, hasCode, type Lsn, type Times } from "../base/mod.ts";
import type { SegmentDescription } from "../manifest/mod.ts";
import type { Objects, PinnedObject, StoredObject } from "../objects/mod.ts";
import { type ScannedSegment, SegmentScan, type SegmentTimes, type SegmentWriter } from "../segment/mod.ts";
import { decodeIndex, type SegmentIndex } from "./index/index_format.ts";
import { SparseIndex } from "./index/sparse_index.ts";
import { type LogContext, ownerOf } from "./log_context.ts";

/** Where a segment ends, and what is in it. */
export interface SegmentEnd {
  /** Where its records end, in bytes. */
  readonly valuesEnd: number;
  /** The LSN of its last record. */
  readonly lastLsn: Lsn;
}

/** What is known of a segment in memory. */
export interface LiveIndex {
  /** Where its records lie. */
  readonly places: SparseIndex;
  /** When they were appended. */
  readonly times: SegmentTimes;
}

/** One segment. */
export class LogSegment {
  /** What the manifest says of it, or will. */
  readonly description: SegmentDescription;
  /** Where it lies. */
  readonly object: StoredObject;
  /** What writes it, until it ends. */
  writer: SegmentWriter | undefined;
  /** What is known of its records in memory; `undefined` once its index is in its file, and before it is scanned. */
  live: LiveIndex | undefined;
  #end: SegmentEnd;
  #readers = 0;
  #pinned: Promise<PinnedObject> | undefined;
  #gone: (() => void) | undefined;

  /** Makes it of what is known. */
  constructor(description: SegmentDescription, object: StoredObject, end: SegmentEnd, live?: LiveIndex) {
    this.description = description;
    this.object = object;
    this.live = live;
    this.#end = end;
  }

  /** The LSN of its first record. */
  get firstLsn(): Lsn {
    return this.description.firstLsn;
  }

  /** The LSN of its last record; one before the first if it has none. */
  get lastLsn(): Lsn {
    return this.writer?.lastLsn ?? this.#end.lastLsn;
  }

  /** Where its records end. */
  get valuesEnd(): number {
    return this.writer?.end ?? this.#end.valuesEnd;
  }

  /** Learns where it ends: of one that is written, for good. */
  endAt(end: SegmentEnd): void {
    this.#end = end;
    this.writer = undefined;
  }

  /** How many read it. */
  get readers(): number {
    return this.#readers;
  }

  /** Begins to read it. */
  enter(): void {
    this.#readers++;
  }

  /** Ends that; the last one closes its file, and has it removed if it was given up (G1). */
  async leave(): Promise<void> {
    if (--this.#readers > 0) return;
    const pinned = this.#pinned, gone = this.#gone;
    this.#pinned = this.#gone = undefined;
    try {
      // One that could not be opened is nobody's to close.
      await pinned?.then((file) => file.close(), () => {});
    } finally {
      gone?.();
    }
  }

  /** Has its file open for as long as somebody reads it. */
  pin(objects: Objects): Promise<PinnedObject> {
    if (this.#pinned === undefined) {
      const pinned = this.#pinned = objects.pin(this.object);
      pinned.catch(() => {
        if (this.#pinned === pinned) this.#pinned = undefined;
      });
    }
    return this.#pinned;
  }

  /** Resolves when nobody reads it any more. */
  async left(): Promise<void> {
    if (this.#readers > 0) await new Promise<void>((resolve) => this.#gone = resolve);
  }

  /**
   * Where its records lie: from memory, from its index, or where that does not check, from its records, as far as these do.
   *
   * @throws {CorruptionError} If it is another's.
   */
  async places(context: LogContext): Promise<SparseIndex> {
    const { live } = this;
    if (live !== undefined) return live.places;
    try {
      return (await this.#readIndex(context))?.places ?? (await this.#scan(context)).index;
    } catch (error) {
      // Its writer, another process, removed it: who has it open reads it from its first record on (G1).
      if (error instanceof CorruptionError && hasCode(error.cause, "ENOENT")) return new SparseIndex();
      throw error;
    }
  }

  /**
   * When its records were appended: from memory, from its index, or where that does not check, from its records.
   *
   * @throws {CorruptionError} If it has no file, is another's, or its records do not check either.
   */
  async times(context: LogContext): Promise<Times> {
    const { live } = this;
    if (live !== undefined) return live.times.upTo(this.lastLsn);
    return (await this.#readIndex(context))?.times ?? this.#wholeTimes(await this.#scan(context));
  }

  /** The times of records of which none is missing: those behind one that is would be taken for older than they are. */
  #wholeTimes({ times, end, lastLsn, batches, proof }: ScannedSegment<SparseIndex>): Times {
    const { path } = this.object, { firstLsn } = this, { valuesEnd, lastLsn: last } = this.#end;
    const isWhole = end === valuesEnd && lastLsn === last && batches === last - firstLsn + 1 &&
      proof === undefined;
    if (isWhole) return times.upTo(last);
    const expected = `records up to offset ${last - 1}, since its index does not check`;
    throw new CorruptionError({ path, offset: end, expected, found: "bytes that do not check" });
  }

  async #readIndex({ objects }: LogContext): Promise<SegmentIndex | undefined> {
    const { valuesEnd, lastLsn } = this.#end, { fileId, sequence, firstLsn } = this.description;
    const { byteLength } = await objects.extent(this.object);
    const start = Math.ceil(valuesEnd / blockBytes) * blockBytes, length = byteLength - start;
    // No index is longer than what it tells of: a file with more behind its records has none.
    if (length < blockBytes || length > Math.max(start, blockBytes)) return undefined;
    const bytes = new Uint8Array(length);
    let at = 0;
    for await (const chunk of objects.stream(this.object, { start, end: byteLength })) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return decodeIndex(bytes, { fileId, sequence, firstLsn, lastLsn, valuesEnd });
  }

  async #scan(context: LogContext): Promise<ScannedSegment<SparseIndex>> {
    const { fileId, sequence, generation, firstLsn } = this.description, { valuesEnd: end } = this.#end;
    const header = { ...ownerOf(context), fileId, sequence, generation, firstLsn };
    const expected = { header, previousLsn: firstLsn - 1, end };
    return await new SegmentScan(this.object, expected, new SparseIndex()).next(context.objects);
  }
}
