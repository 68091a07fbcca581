/**
 * A segment that is being written: the only thing ever written on the write path.
 *
 * ```
 *   header │ batch │ batch │ pad ┃ batch │ pad ┃ batch …          ┃ = synced: aligned, never written again
 * ```
 *
 * S1  Batches stand in the order of their LSNs; `append` is synchronous.
 * S2  A sync pads to the block and goes on in the next: a block that holds durable bytes is never written again.
 * S3  A pad says how far this file, and how far the timeline, was known durable before it.
 * S4  Sealing appends index, bloom filter and footer; no value is read back or copied.
 * S5  After the first sync that failed nothing of the segment counts as durable any more: the system may have
 *     forgotten what it could not write, and the next sync may succeed all the same.
 *
 * @module
 */

import { blockBytes, crc32, IoError, isFullDisk, PoisonedError } from "../base/mod.ts";
import { BufferedWriter, type BufferPool, type IoEngine, type IoFile } from "../io/mod.ts";
import {
  appendIndex,
  encodeHeader,
  encodePad,
  type FileFooter,
  type FileHeader,
  type MemoryIndex,
  padBytes,
  type TailSink,
} from "../layer/mod.ts";
import type { RecordBuffer } from "./batch.ts";

/** Where an existing segment goes on. */
export interface ResumePoint {
  /** The aligned offset to go on at. */
  position: number;
  /** Bytes of an unfinished block at that offset, which are written again. */
  head: Uint8Array;
  /** The checksum of the values area so far. */
  valuesCrc: number;
  /** The last LSN so far. */
  lastLsn: number;
}

/** Waits until it is worth trying again after a full disk; rejects to give up. */
export type Patience = (error: IoError) => Promise<void>;

/** The append-only end of a timeline's log. */
export class SegmentWriter {
  /** What the segment says of itself at its start. */
  readonly header: FileHeader;
  /** Where the segment lies. */
  readonly path: string;
  readonly #engine: IoEngine;
  readonly #file: Promise<IoFile>;
  readonly #writer: BufferedWriter;
  #valuesCrc = 0;
  #lastLsn = 0;
  #padEnd: number;
  /** Where the index starts, once sealing began. */
  #valuesEnd: number | undefined;
  #durableOffset: number;
  readonly #syncs = new Set<Promise<void>>();
  #durableFile: Promise<IoFile | undefined> | undefined;
  #failure: Error | undefined;

  /**
   * Makes a writer of a new segment, or of one that goes on.
   *
   * @param engine What writes.
   * @param pool Where buffers come from.
   * @param path The path of the file.
   * @param file The file, which may still be opening. The segment closes it.
   * @param header What the segment says of itself; written if the segment is new.
   * @param resume Where it goes on, if it is not new.
   */
  constructor(
    engine: IoEngine,
    pool: BufferPool,
    path: string,
    file: Promise<IoFile>,
    header: FileHeader,
    resume?: ResumePoint,
  ) {
    this.path = path;
    this.header = header;
    this.#engine = engine;
    this.#file = file;
    const durableFile = () => this.#openDurable();
    this.#writer = new BufferedWriter(engine, pool, file, { start: resume?.position ?? 0, durableFile });
    this.#padEnd = this.#durableOffset = resume?.position ?? 0;
    if (resume === undefined) {
      this.#writer.append(encodeHeader(header));
    } else {
      this.#writer.append(resume.head);
      this.#valuesCrc = resume.valuesCrc;
      this.#lastLsn = resume.lastLsn;
    }
  }

  /** The double-buffered writer, from whose memory the newest bytes are read. */
  get writer(): BufferedWriter {
    return this.#writer;
  }

  /** The offset after the last byte. */
  get position(): number {
    return this.#writer.position;
  }

  /** The LSN of the last batch; 0 if there is none. */
  get lastLsn(): number {
    return this.#lastLsn;
  }

  /** The offset up to which the file is known durable. */
  get durableOffset(): number {
    return this.#durableOffset;
  }

  /** Whether bytes came since the last sync. */
  get dirty(): boolean {
    return this.position > this.#durableOffset;
  }

  /**
   * Appends a stamped batch.
   *
   * @param records The batch.
   * @param lsn Its LSN.
   * @returns The offset of its first record.
   */
  append(records: RecordBuffer, lsn: number): number {
    this.#checkUsable();
    const bytes = records.bytes.subarray(0, records.end);
    const base = this.#writer.append(bytes);
    this.#valuesCrc = crc32(bytes, this.#valuesCrc);
    this.#lastLsn = lsn;
    return base;
  }

  /** Pads to the next block, if a batch came since the last pad. */
  pad(timelineDurableLsn: number): void {
    if (this.#valuesEnd !== undefined || this.position === this.#padEnd) return;
    let length = blockBytes - this.position % blockBytes;
    if (length < padBytes) length += blockBytes;
    const pad = encodePad(length, this.#lastLsn, {
      fileId: this.header.fileId,
      durableOffset: this.#durableOffset,
      durableLsn: timelineDurableLsn,
    });
    this.#writer.append(pad);
    this.#valuesCrc = crc32(pad, this.#valuesCrc);
    this.#padEnd = this.position;
  }

  /**
   * Pads, writes and syncs every batch that was appended before the call, also while the segment is being sealed.
   *
   * @param timelineDurableLsn How far the timeline is known durable.
   * @param named Resolves when a durable manifest names the file.
   */
  async sync(timelineDurableLsn: number, named: Promise<void>): Promise<void> {
    this.pad(timelineDurableLsn);
    const target = this.#valuesEnd ?? this.position;
    const writer = this.#writer;
    this.#checkUsable();
    // What is in the file is durable but for this one write, which then needs no sync behind it.
    const durably = writer.written === this.#durableOffset ? writer.flushDurably(target) : undefined;
    if (durably !== undefined) {
      await durably;
      await named;
      if (target > this.#durableOffset) this.#durableOffset = target;
      return;
    }
    if (target > this.#durableOffset) await writer.flushTo(target);
    // Sealing may have made it durable meanwhile, and closes the file then.
    if (target <= this.#durableOffset) return await named;
    const sync = this.#makeDurable((file) => this.#engine.datasync(file));
    this.#syncs.add(sync);
    try {
      await sync;
    } finally {
      this.#syncs.delete(sync);
    }
    await named;
    if (target > this.#durableOffset) this.#durableOffset = target;
  }

  /** The same file, opened so that its writes are durable; `undefined` where the system has no such files. */
  #openDurable(): Promise<IoFile | undefined> {
    this.#durableFile = this.#file.then(({ direct }) =>
      this.#engine.open(this.path, { access: "write", direct, durable: true })
    ).catch((error) => {
      if (error instanceof IoError) return undefined;
      throw error;
    });
    return this.#durableFile;
  }

  /** Syncs the file (S5). A sync that went well while another one failed is not trusted either. */
  async #makeDurable(sync: (file: IoFile) => Promise<void>): Promise<void> {
    this.#checkUsable();
    try {
      await sync(await this.#file);
    } catch (error) {
      this.#failure ??= error as Error;
    }
    this.#checkUsable();
  }

  #checkUsable(): void {
    if (this.#failure === undefined) return;
    throw new PoisonedError(
      `Cannot write to "${this.path}": an earlier sync failed: ${this.#failure.message}`,
      {
        cause: this.#failure,
      },
    );
  }

  /**
   * Appends the index and the footer and makes the file durable and exactly as long as it must be.
   *
   * Nothing may be appended any more; a last {@linkcode pad} was.
   *
   * @param index Where the segment's records lie.
   * @param patience Waits until it is worth trying again after a full disk; rejects to give up.
   * @returns The footer.
   */
  async seal(index: MemoryIndex, patience: Patience): Promise<FileFooter> {
    this.#valuesEnd = this.position;
    const footer = await appendIndex(this.#patientSink(patience), index, {
      fileId: this.header.fileId,
      firstLsn: this.header.firstLsn,
      lastLsn: this.#lastLsn,
      valuesCrc: this.#valuesCrc,
    });
    const length = this.position;
    await this.#patiently(() => this.#writer.flushTo(length), patience);
    await this.#engine.truncate(await this.#file, length);
    await this.#makeDurable((file) => this.#engine.sync(file));
    this.#durableOffset = length;
    await this.#close();
    return footer;
  }

  /**
   * Ends a segment that was synced without sealing it; it can be resumed.
   *
   * @returns Where it ends.
   */
  async suspend(): Promise<number> {
    const length = this.position;
    await this.#engine.truncate(await this.#file, length);
    await this.#makeDurable((file) => this.#engine.sync(file));
    await this.#close();
    return length;
  }

  #patientSink(patience: Patience): TailSink {
    const writer = this.#writer;
    return {
      get position() {
        return writer.position;
      },
      append: (bytes) => writer.append(bytes),
      room: () => {
        const room = writer.room();
        return room && this.#patiently(() => writer.room(), patience, room);
      },
    };
  }

  /** Waits for what was begun, and after a full disk begins it again. */
  async #patiently(
    work: () => Promise<void> | undefined,
    patience: Patience,
    begun: Promise<void> | undefined = work(),
  ): Promise<void> {
    for (;;) {
      try {
        return await begun;
      } catch (error) {
        // Somebody else may have tried again by now, so that the writer no longer says that the disk is full.
        if (!isFullDisk(error)) throw error;
        await patience(error);
        this.#writer.retry();
        begun = work();
      }
    }
  }

  /** Waits for what is in flight and closes the file, leaving what was not synced to its fate. */
  abandon(): Promise<void> {
    return this.#close();
  }

  async #close(): Promise<void> {
    await this.#writer.close({ tail: "drop" });
    await Promise.allSettled(this.#syncs);
    for (const opening of [this.#file, this.#durableFile]) {
      const file = await opening?.catch(() => undefined);
      if (file !== undefined) await this.#engine.close(file);
    }
  }
}
