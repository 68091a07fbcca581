/**
 * Reading segments as they lie, a piece at a time: from the buffers of whoever writes them, or from the file.
 *
 * Each piece is read from the layers as they are by then: a segment that was sealed since is the same object, in which
 * the next batch stands where it stood.
 *
 * @module
 */

import { blockBytes, CorruptionError, type Lsn, viewOf } from "../../../base/mod.ts";
import { firstArrival, type MemoryLayer, StoredLayer, VersionBlock } from "../../../layer/mod.ts";
import {
  MemoryRead,
  type Objects,
  RangeRead,
  type RangeSink,
  type RangeWants,
  type StoredObject,
} from "../../../objects/mod.ts";
import type { ChangeBatch } from "./change_batch.ts";
import { type LogStretch, LogWalk } from "./log_walk.ts";
import type { KeyRange } from "./options.ts";

/** Bytes that are read at once; more where one batch has more. A millisecond or two of small records. */
const pieceBytes = 256 * 1024;

/** What was read of a segment. */
export interface LogPiece {
  /** The batches, at least those of which anything counts. */
  readonly batches: ChangeBatch[];
  /** The first LSN that is not read yet. */
  readonly nextLsn: Lsn;
}

/** Reads segments, one after the other. */
export class LogRead {
  readonly #objects: Objects;
  readonly #range: KeyRange;
  readonly #memory: MemoryRead;
  /** Where the next batch stands of the segment that was read last, and the least LSN that it may have. */
  #place: { readonly object: StoredObject; readonly offset: number; readonly leastLsn: Lsn } | undefined;
  #wanted = pieceBytes;
  /** Why the piece that was read last ended early: what stands before it is told first. */
  #error: Error | undefined;
  /** Room for the records of a piece, and for one that a writer has in its buffers: nothing that is told keeps any of it. */
  readonly #rows = new VersionBlock();
  #room: Uint8Array<ArrayBuffer> | undefined;

  /**
   * Reads nothing yet.
   *
   * @param objects Where segments lie.
   * @param range Which keys count.
   */
  constructor(objects: Objects, range: KeyRange) {
    this.#objects = objects;
    this.#range = range;
    this.#memory = new MemoryRead(objects);
  }

  /**
   * Reads on.
   *
   * @param layer The layer that the segment is, which stays until this has ended.
   * @param from The first LSN that was not read; of a segment that was read last, the first behind that.
   * @param to The last LSN that counts.
   * @throws {CorruptionError} If a record is damaged or missing.
   * @throws {IoError} If the file cannot be read.
   */
  async read(layer: MemoryLayer | StoredLayer, from: Lsn, to: Lsn): Promise<LogPiece> {
    if (this.#error !== undefined) throw this.#error;
    const isStored = layer instanceof StoredLayer;
    const lastLsn = isStored ? layer.description.lastLsn : layer.lastLsn, until = Math.min(to, lastLsn);
    const [start, end] = isStored ? this.#spanOf(layer) : memorySpan(layer, from, until);
    if (start === end && !isStored) return { batches: [], nextLsn: until + 1 };
    const stretch = { file: layer, end, from, to: until, range: this.#range };
    const length = Math.min(this.#wanted, end - start);
    // What one large batch needs is not kept.
    const rows = length <= pieceBytes ? this.#rows : new VersionBlock();
    const walk = new LogWalk(stretch, start, rows, this.#leastLsn(layer, start, from));
    const error = await this.#readPiece(walk, length, layer.object);
    if (error !== undefined && walk.next === start) throw error;
    const { batches, next, leastLsn } = walk;
    // Where nothing counts any more, it may lie behind what did not count.
    this.#place = walk.isOver && isStored ? undefined : { object: layer.object, offset: next, leastLsn };
    // A batch that does not fit is read once more, with what follows.
    this.#wanted = next > start ? pieceBytes : this.#wanted * 2;
    if (walk.isOver) {
      // What came too early may stand in the place of what counts.
      if (isStored) await this.#checkRest(stretch, walk, error, lastLsn);
      // In memory there is nothing behind it.
      else if (error !== undefined || next < end || leastLsn > until + 1) {
        throw error ?? endsEarly(stretch, next);
      }
    } else if (error !== undefined) this.#error = error;
    else if (start + length === end && next === start) throw endsEarly(stretch, next);
    const isThrough = walk.isOver || !isStored && next === end;
    return { batches, nextLsn: isThrough ? until + 1 : walk.nextLsn };
  }

  /** The least LSN that a batch may have where a piece starts: in memory indexes tell where those that count begin. */
  #leastLsn({ object }: MemoryLayer | StoredLayer, start: number, from: Lsn): Lsn {
    const place = this.#place;
    if (place?.object === object && place.offset === start) return place.leastLsn;
    return start === blockBytes ? 0 : from;
  }

  /**
   * Looks whether all behind what counts is sound, and newer. If not, something that counts may stand there.
   *
   * @param walk What was walked of it.
   * @param error Why that ended early, if it did.
   * @param lastLsn The last LSN of the segment: behind its batch a crash may have left anything, in the same block.
   * @throws {CorruptionError} If something is damaged, or older.
   * @throws {IoError} If the file cannot be read.
   */
  async #checkRest(
    { file, end, to, range }: LogStretch,
    walk: LogWalk,
    error: Error | undefined,
    lastLsn: Lsn,
  ): Promise<void> {
    const { turns } = this.#objects.host, rest = { file, end, from: Infinity, to, range };
    let walked = walk, failure = error, wanted = pieceBytes;
    while (walked.next < end && !(walked.leastLsn > lastLsn && walked.next > end - blockBytes)) {
      if (failure !== undefined) throw failure;
      const start = walked.next, length = Math.min(wanted, end - start);
      walked = new LogWalk(rest, start, new VersionBlock(), walked.leastLsn);
      failure = await this.#readPiece(walked, length, file.object);
      if (walked.next > start) wanted = pieceBytes;
      else if (start + length < end) wanted *= 2;
      else throw failure ?? endsEarly(rest, start);
      if (turns.due()) await turns.turn();
    }
  }

  /** What is left of a stored segment. */
  #spanOf({ object, description: { valuesEnd } }: StoredLayer): [number, number] {
    return [this.#place?.object === object ? this.#place.offset : blockBytes, valuesEnd];
  }

  /** Walks a piece; returns why it ended early, if it did. */
  async #readPiece(walk: LogWalk, length: number, object: StoredObject): Promise<Error | undefined> {
    const memory = this.#memory;
    memory.begin();
    this.#room ??= new Uint8Array(pieceBytes);
    if (memory.find(object, walk.next, length, this.#room) && memory.isOwn) {
      walk.walk(memory.bytes, viewOf(memory.bytes), 0, length, true);
      memory.settle();
      return undefined;
    }
    const piece = new Piece(object, walk, length),
      read = new RangeRead(this.#objects, piece, piece, "stretches");
    while (!read.done) await read.step();
    return piece.error;
  }
}

/** What a layer in memory has from one LSN to another. */
function memorySpan({ index }: MemoryLayer, from: Lsn, to: Lsn): [number, number] {
  const first = firstArrival(index, from), behind = firstArrival(index, to + 1);
  if (first === behind) return [0, 0];
  return [index.offsetOf(first), index.offsetOf(behind - 1) + index.lengthOf(behind - 1)];
}

/** A piece of a file: it is walked while its memory is lent. */
class Piece implements RangeWants, RangeSink {
  readonly count = 1;
  error: Error | undefined;
  readonly #object: StoredObject;
  readonly #walk: LogWalk;
  readonly #offset: number;
  readonly #length: number;

  constructor(object: StoredObject, walk: LogWalk, length: number) {
    this.#object = object;
    this.#walk = walk;
    this.#offset = walk.next;
    this.#length = length;
  }

  objectOf(): StoredObject {
    return this.#object;
  }

  offsetOf(): number {
    return this.#offset;
  }

  lengthOf(): number {
    return this.#length;
  }

  accept(_item: number, bytes: Uint8Array<ArrayBuffer>, view: DataView, at: number, length: number): void {
    this.#walk.walk(bytes, view, at, at + length, false);
  }

  fail(_item: number, error: Error): void {
    this.error = error;
  }
}

/** The error of a segment in which a batch is not there. */
function endsEarly({ file: { object: { path } }, to }: LogStretch, offset: number): CorruptionError {
  return new CorruptionError({ path, offset, expected: `batches up to LSN ${to}`, found: "the end of them" });
}
