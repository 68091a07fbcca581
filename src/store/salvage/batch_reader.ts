/**
 * The batches of a file, in the order of their LSNs, across what is damaged.
 *
 * @module
 */

import { blockBytes, CorruptionError, IoError, type Lsn } from "../../base/mod.ts";
import {
  findFileId,
  knownRecords,
  lastOfBatch,
  type Pace,
  piecesOf,
  type RecordArea,
  type RecordHeader,
  recordHeaderBytes,
  type RecordSink,
  RecordWalk,
  StoredLayer,
} from "../../layer/mod.ts";
import type { Objects } from "../../objects/mod.ts";
import { Batch } from "../../segment/mod.ts";
import { addRecord } from "./add_record.ts";
import type { LostStretch } from "./options.ts";
import type { SalvageSource } from "./sources.ts";
import type { TimelineTally } from "./tally.ts";

/** A batch that was read. */
export interface ReadBatch {
  /** Its LSN. */
  readonly lsn: Lsn;
  /** Its changes. */
  readonly changes: Batch;
  /** Whether it may lack records. */
  isIncomplete: boolean;
}

/** Who is told what is read, and may stop it. */
export interface SalvageWatch {
  /** Throws if the salvage must stop. */
  check(): void;
  /** Notes bytes that were read. */
  read(bytes: number): void;
  /** Notes when the batch at an LSN was appended, in milliseconds since the epoch. */
  time(lsn: Lsn, milliseconds: number): void;
}

/**
 * Reads the batches of a file.
 *
 * @param objects Where it lies.
 * @param source The file, and what may be in it.
 * @param tally Who is told what is lost.
 * @param watch Who is told of the bytes.
 * @yields Batches at increasing LSNs.
 */
export async function* readBatches(
  objects: Objects,
  source: SalvageSource,
  tally: TimelineTally,
  watch: SalvageWatch,
): AsyncGenerator<ReadBatch, void> {
  const { end } = source, pace = { turns: objects.host.turns, check: () => watch.check() };
  const known = await knownIn(objects, source, pace), object = objects.object(source.file.id);
  const fileId = source.fileId ?? await findFileId(objects, object, end, pace);
  if (fileId === undefined) return tally.lose(nameless(source));
  const gathered = new GatheredBatches(source, fileId, tally, known, watch);
  try {
    for await (const piece of piecesOf(objects, object, { start: blockBytes, end }, pace)) {
      if (piece.bytes !== undefined) gathered.walk.feed(piece.bytes);
      else if (piece.error !== undefined) gathered.skip(piece.end, piece.error);
      watch.read(piece.end - piece.offset);
      yield* gathered.take();
    }
  } catch (error) {
    if (!(error instanceof IoError)) throw error;
    gathered.skip(end, error);
  }
  gathered.finish();
  yield* gathered.take();
}

/** Where records stand by the index, if it can be read: what a value holds may look like a record. */
export async function knownIn(
  objects: Objects,
  { file: { footer, name: { timeline } } }: SalvageSource,
  pace: Pace,
): Promise<RecordArea["known"]> {
  return footer && await knownRecords(objects, StoredLayer.of(objects, timeline, footer), pace);
}

/** Nothing tells what the records of a file are bound to; no sync of it was ever acknowledged, or none is left. */
export function nameless({ file: { path }, end }: SalvageSource): LostStretch {
  const expected = "a header of this file, or a pad", found = "neither";
  const error = new CorruptionError({ path, offset: 0, expected, found });
  return { path, offset: 0, length: end, lsns: undefined, error };
}

/** Makes batches of records as they go by. */
class GatheredBatches implements RecordSink {
  readonly walk: RecordWalk;
  readonly #source: SalvageSource;
  readonly #tally: TimelineTally;
  readonly #watch: SalvageWatch;
  #ready: ReadBatch[] = [];
  #open: ReadBatch | undefined;
  /** Gaps of which the LSN behind them is not known yet. */
  #gaps: { from: number; to: number; first: Lsn; error: IoError | undefined }[] = [];
  #next: Lsn;
  #error: IoError | undefined;

  constructor(
    source: SalvageSource,
    fileId: number,
    tally: TimelineTally,
    known: RecordArea["known"],
    watch: SalvageWatch,
  ) {
    const { end, firstLsn, lastLsn } = source;
    this.#source = source;
    this.#tally = tally;
    this.#watch = watch;
    this.#next = firstLsn;
    const area = { start: blockBytes, end, fileId, firstLsn, lastLsn, isOrdered: true, known };
    this.walk = new RecordWalk(area, this);
  }

  skip(to: number, error: IoError): void {
    this.#error = error;
    this.walk.skip(to);
  }

  record(header: RecordHeader, bytes: Uint8Array<ArrayBuffer>, at: number): void {
    const { lsn, kind, keyLength, valueLength, flags } = header, isBehindGap = this.#gaps.length > 0;
    this.#tell(lsn);
    if (this.#open?.lsn !== lsn) this.#close();
    const keyAt = at + recordHeaderBytes, valueAt = keyAt + keyLength;
    const key = bytes.subarray(keyAt, valueAt);
    if (keyLength === 0 || this.#source.isSuperseded?.(key, lsn) !== true) {
      const open = this.#open ??= { lsn, changes: new Batch(), isIncomplete: false };
      // The batch may have had records in the gap.
      if (isBehindGap) open.isIncomplete = true;
      addRecord(open.changes, kind, key, bytes, valueAt, valueAt + valueLength);
    } else if (isBehindGap && this.#open !== undefined) this.#open.isIncomplete = true;
    this.#next = flags === lastOfBatch ? lsn + 1 : lsn;
    if (flags === lastOfBatch) this.#close();
  }

  time(lsn: Lsn, milliseconds: number): void {
    this.#watch.time(lsn, milliseconds);
  }

  gap(from: number, to: number, wasPad: boolean): void {
    // With a pad no record is lost; one at the end is told from what a crash leaves there.
    if (wasPad && to < this.#source.end) return;
    // What follows the last record of a segment that nobody closed is told from damage in the end.
    const isTail = to === this.#source.end && !this.#source.isSettled;
    if (this.#open !== undefined && !isTail) this.#open.isIncomplete = true;
    this.#gaps.push({ from, to, first: this.#next, error: this.#error });
    this.#error = undefined;
  }

  take(): ReadBatch[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  finish(): void {
    const { end, isSettled, leastLsn } = this.#source;
    this.walk.finish();
    // History went on behind the last record that is found.
    const isShort = this.#next <= leastLsn;
    const last = this.#gaps.at(-1), isTail = last?.to === end && last.error === undefined && !isShort;
    const isLeftover = isTail && (!isSettled || last.to - last.from < blockBytes && this.#open === undefined);
    if (isLeftover) this.#gaps.pop();
    // A batch that is cut by the end of such a segment was never history either; elsewhere it lacks records.
    if (!isSettled && !isShort && this.#open?.isIncomplete === false) this.#open = undefined;
    else if (this.#open !== undefined) this.#open.isIncomplete = true;
    this.#tell(isSettled ? leastLsn : Math.max(leastLsn, this.#next));
    this.#close();
  }

  #close(): void {
    if (this.#open !== undefined) this.#ready.push(this.#open);
    this.#open = undefined;
  }

  #tell(before: Lsn): void {
    const { path } = this.#source.file;
    for (const { from, to, first, error } of this.#gaps.splice(0)) {
      const lsns = before < first ? undefined : { first, last: before };
      this.#tally.lose({ path, offset: from, length: to - from, lsns, error });
    }
  }
}
