/**
 * A segment that is being written: the only thing ever written on the write path.
 *
 * ```
 *   header │ time │ batch │ batch │ pad ┃ batch │ pad ┃ time │ batch …          ┃ = synced: aligned, never written again
 * ```
 *
 * S1  Batches stand in the order of their LSNs; `append` is synchronous.
 * S2  A sync pads to the block and goes on in the next: a block that holds durable bytes is never written again.
 * S3  A pad says how far this file, and how far the timeline, was known durable before it.
 * S4  Behind the last pad sealing appends index, filter and footer, through {@linkcode SegmentWriter.writer}; no value
 *     is read back or copied, and syncs concern what stands before it.
 *
 * What is durable, and what a failed sync means, is its object's writer's to say.
 *
 * @module
 */

import { assert, blockBytes, type Lsn } from "../base/mod.ts";
import {
  encodeHeader,
  encodePad,
  encodeTimeMark,
  type FileHeader,
  fileSeed,
  padBytes,
} from "../layer/mod.ts";
import type { ObjectWriter } from "../objects/mod.ts";
import type { EncodedBatch } from "./encoded_batch.ts";
import { SegmentTimes } from "./segment_times.ts";

/** The append-only end of a timeline's log. */
export class SegmentWriter {
  /** What the segment says of itself at its start. */
  readonly header: FileHeader;
  /** What writes its object. */
  readonly writer: ObjectWriter;
  /** When its batches were appended. */
  readonly times: SegmentTimes;
  readonly #seed: number;
  #lastLsn: Lsn | undefined;
  /** Where the last batch or pad ends. */
  #end: number;
  /** Where the last pad ends, or the header. */
  #padEnd: number;

  /**
   * Makes a writer of a new segment, or of one that goes on.
   *
   * @param writer What writes its object: from 0 on if it is new, else from the aligned end of its values on.
   * @param header What the segment says of itself; written if it is new.
   * @param lastLsn The LSN of its last batch, if it goes on.
   * @param times When its batches were appended, if it goes on.
   */
  constructor(
    writer: ObjectWriter,
    header: FileHeader,
    lastLsn?: Lsn,
    times: SegmentTimes = new SegmentTimes(),
  ) {
    assert((writer.position === 0) === (lastLsn === undefined), "a segment that goes on has batches");
    this.header = header;
    this.writer = writer;
    this.times = times;
    this.#seed = fileSeed(header.fileId);
    this.#lastLsn = lastLsn;
    if (writer.position === 0) writer.append(encodeHeader(header));
    this.#end = this.#padEnd = writer.position;
  }

  /** The LSN of its last batch; `undefined` if there is none. */
  get lastLsn(): Lsn | undefined {
    return this.#lastLsn;
  }

  /** Where its last batch, or the pad behind it, ends. */
  get end(): number {
    return this.#end;
  }

  /**
   * Says when the batch was appended that comes next, if no batch of the same second stands before it.
   *
   * @param lsn The LSN of that batch.
   * @param milliseconds The time that counts, which never goes back.
   */
  mark(lsn: Lsn, milliseconds: number): void {
    if (!this.times.isDue(milliseconds)) return;
    const mark = encodeTimeMark(lsn, milliseconds, this.#seed);
    this.#end = this.writer.append(mark) + mark.length;
    this.times.mark(milliseconds, this.#lastLsn ?? this.header.previousLsn);
  }

  /**
   * Stamps a batch, which binds it to the file, and appends it.
   *
   * @param batch The batch.
   * @param lsn Its LSN.
   * @returns The offset of its first record.
   */
  append(batch: EncodedBatch, lsn: Lsn): number {
    assert(this.#lastLsn === undefined || lsn > this.#lastLsn, "S1: LSNs increase");
    batch.stamp(lsn, this.#seed);
    const start = this.writer.append(batch.bytes.subarray(0, batch.end));
    this.#lastLsn = lsn;
    this.#end = start + batch.end;
    return start;
  }

  /**
   * Pads to the next block, if a batch came since the last pad.
   *
   * @param durableLsn How far the timeline is known durable (S3).
   */
  pad(durableLsn: Lsn): void {
    if (this.#lastLsn === undefined || this.#end === this.#padEnd) return;
    let length = blockBytes - this.#end % blockBytes;
    if (length < padBytes) length += blockBytes;
    const { fileId } = this.header;
    const pad = { fileId, offset: this.#end, durableOffset: this.writer.durableOffset, durableLsn };
    this.#padEnd = this.#end = this.writer.append(encodePad(length, this.#lastLsn, pad)) + length;
  }

  /**
   * Makes every batch durable that was appended before the call, also while the segment is being sealed.
   *
   * @param durableLsn How far the timeline is known durable.
   */
  async sync(durableLsn: Lsn): Promise<void> {
    this.pad(durableLsn);
    await this.writer.sync(this.#padEnd);
  }
}
