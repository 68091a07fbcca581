/**
 * A segment that is being written: the only thing ever written on the write path.
 *
 * ```
 *   header │ time │ batch │ batch │ pad ┃ batch │ pad ┃ time │ batch …          ┃ = synced: aligned, never written again
 * ```
 *
 * S1  Batches stand in the order of their LSNs; `append` is synchronous.
 * S2  A sync pads to the block and goes on in the next: a block that holds durable bytes is never written again. With the
 *     tail `"rewrite"`, which a log may have, it is written again with more behind the same bytes, and in each block in
 *     which something is synced one pad of the least length stands.
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
  PayloadHeader,
} from "../layer/mod.ts";
import type { ObjectWriter } from "../objects/mod.ts";
import type { EncodedBatch } from "./encoded_batch.ts";
import { SegmentTimes } from "./segment_times.ts";

/** What a sync does with an unfinished block. */
export type SegmentTail = "pad" | "rewrite";

/** The append-only end of a history. */
export class SegmentWriter {
  /** What the segment says of itself at its start. */
  readonly header: FileHeader;
  /** What writes its object. */
  readonly writer: ObjectWriter;
  /** When its batches were appended. */
  readonly times: SegmentTimes;
  readonly #seed: number;
  readonly #tail: SegmentTail;
  readonly #payloadHeader = new PayloadHeader();
  #lastLsn: Lsn | undefined;
  /** Where the last batch or pad ends. */
  #end: number;
  /** Where the last pad ends that fills its block, or the header. */
  #padEnd: number;
  /** The block in which the last other one begins. */
  #witnessed = 0;

  /**
   * Makes a writer of a new segment, or of one that goes on.
   *
   * @param writer What writes its object: from 0 on if it is new, else from the aligned end of its values on.
   * @param header What the segment says of itself; written if it is new.
   * @param lastLsn The LSN of its last batch, if it goes on.
   * @param times When its batches were appended, if it goes on.
   * @param tail What a sync does with an unfinished block. @default {"pad"}
   */
  constructor(
    writer: ObjectWriter,
    header: FileHeader,
    lastLsn?: Lsn,
    times: SegmentTimes = new SegmentTimes(),
    tail: SegmentTail = "pad",
  ) {
    assert((writer.position === 0) === (lastLsn === undefined), "a segment that goes on has batches");
    this.header = header;
    this.writer = writer;
    this.times = times;
    this.#tail = tail;
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
   * Appends the payload of a log's record, as a batch of its own. Hot: `bench/log.ts`.
   *
   * @param payload The payload, which is copied.
   * @param lsn Its LSN.
   * @returns The offset of the record.
   */
  appendPayload(payload: Uint8Array, lsn: Lsn): number {
    assert(this.#lastLsn === undefined || lsn > this.#lastLsn, "S1: LSNs increase");
    const header = this.#payloadHeader;
    header.make(payload, lsn, this.#seed);
    const start = this.writer.append(header.bytes);
    if (payload.length > 0) this.writer.append(payload);
    this.#lastLsn = lsn;
    this.#end = start + header.bytes.length + payload.length;
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
    this.#padEnd = this.#appendPad(length, durableLsn);
  }

  #appendPad(length: number, durableLsn: Lsn): number {
    const { fileId } = this.header, lsn = this.#lastLsn ?? 0;
    const pad = { fileId, offset: this.#end, durableOffset: this.writer.durableOffset, durableLsn };
    return this.#end = this.writer.append(encodePad(length, lsn, pad)) + length;
  }

  /** Says once in each block how far this file, and the timeline, was known durable (S3). */
  #witness(durableLsn: Lsn): void {
    const block = Math.floor(this.#end / blockBytes);
    if (this.#lastLsn === undefined || this.#end === this.#padEnd || block === this.#witnessed) return;
    this.#appendPad(padBytes, durableLsn);
    this.#witnessed = block;
  }

  /**
   * Makes every batch durable that was appended before the call, also while the segment is being sealed.
   *
   * @param durableLsn How far the timeline is known durable.
   */
  async sync(durableLsn: Lsn): Promise<void> {
    if (this.#tail === "pad") this.pad(durableLsn);
    else this.#witness(durableLsn);
    await this.writer.sync(this.#tail === "pad" ? this.#padEnd : this.#end);
  }
}
