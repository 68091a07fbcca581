/**
 * Reading one segment of a log on from a record: from the buffers of whoever writes it, or from its file, of which the
 * next pieces are read while the last one is taken.
 *
 * @module
 */

import { blockBytes, CorruptionError, type Lsn } from "../../base/mod.ts";
import { fileSeed, recordHeaderBytes } from "../../layer/mod.ts";
import { MemoryRead } from "../../objects/mod.ts";
import type { LogContext } from "../log_context.ts";
import type { LogSegment } from "../log_segment.ts";
import { type LogEntry, type LogPiece, walkPayloads } from "./payload_walk.ts";

/** Bytes that are taken first; then twice as many each time, so that who takes few is given few. */
const firstBytes = 16 * 1024;
/** Bytes that are taken at once from memory; more where one record has more. A millisecond or two of small records. */
const memoryBytes = 256 * 1024;
/** Bytes that are read at once from a file; more where one record has more. */
const fileBytes = 512 * 1024;
/** Pieces of a file that are read ahead. */
const mostAhead = 2;

const noPiece: LogPiece = { bytes: new Uint8Array(0), start: 0, isTrusted: false };

/** Bytes of a file that are being read. */
interface Ahead {
  readonly start: number;
  readonly length: number;
  readonly bytes: Promise<Uint8Array<ArrayBuffer>>;
}

/** A segment that is read. It was entered, and is left by whoever entered it. */
export class SegmentRead {
  /** The segment. */
  readonly segment: LogSegment;
  readonly #context: LogContext;
  readonly #memory: MemoryRead;
  readonly #seed: number;
  /** Where the next record stands, once that is known. */
  #place: number | undefined;
  /** How long the next record is at the least. */
  #needed = 0;
  /** How many bytes are taken next. */
  #wanted = firstBytes;
  /** What was taken last, of which a rest may stand in front of what is read ahead. */
  #piece: LogPiece = noPiece;
  /** Pieces that are being read, one behind the other. */
  #ahead: Ahead[] = [];

  /** Reads nothing yet. */
  constructor(context: LogContext, segment: LogSegment) {
    this.segment = segment;
    this.#context = context;
    this.#memory = new MemoryRead(context.objects);
    this.#seed = fileSeed(segment.description.fileId);
  }

  /**
   * Reads on.
   *
   * @param from The LSN of the next record, which the segment has.
   * @param to The last LSN that counts.
   * @returns Entries, at least one.
   * @throws {CorruptionError} If a record is damaged or missing.
   */
  async next(from: Lsn, to: Lsn): Promise<LogEntry[]> {
    const { segment } = this, last = Math.min(to, segment.lastLsn), { path } = segment.object;
    this.#place ??= await this.#placeOf(from);
    for (;;) {
      const end = segment.valuesEnd;
      const piece = this.#readMemory(this.#place, end) ?? await this.#readFile(this.#place, end);
      // Who waits for the next record holds none of those that he was given.
      this.#piece = this.#ahead.length > 0 ? piece : noPiece;
      const walked = walkPayloads(piece, { path, seed: this.#seed, end, from, to: last });
      this.#place = walked.next;
      this.#needed = walked.needed;
      this.#wanted = Math.min(this.#wanted * 2, fileBytes);
      if (walked.entries.length > 0) return walked.entries;
      // Where others stand in the place of records, none may be left.
      if (end - walked.next < recordHeaderBytes) {
        const expected = `the record of offset ${from - 1}`, found = "the end of the records";
        throw new CorruptionError({ path, offset: walked.next, expected, found });
      }
      const { turns } = this.#context.host;
      if (turns.due()) await turns.turn();
    }
  }

  /** Waits for what is being read ahead. */
  async end(): Promise<void> {
    await Promise.allSettled(this.#ahead.splice(0).map(({ bytes }) => bytes));
  }

  /** Where to read on from to come to a record. */
  async #placeOf(lsn: Lsn): Promise<number> {
    const { segment } = this;
    if (lsn === segment.firstLsn) return blockBytes;
    return (await segment.places(this.#context)).placeOf(lsn) ?? blockBytes;
  }

  /** Bytes that are in memory, all of them, in this turn. */
  #readMemory(place: number, end: number): LogPiece | undefined {
    const { segment: { object } } = this, memory = this.#memory;
    const length = Math.min(Math.max(Math.min(this.#wanted, memoryBytes), this.#needed), end - place);
    memory.begin();
    if (!memory.find(object, place, length) || !memory.isOwn) return undefined;
    const { bytes } = memory;
    memory.settle();
    return { bytes, start: place, isTrusted: true };
  }

  /** Bytes of which the first are in the file; what of a record is not there yet is in memory, in this turn. */
  async #readFile(place: number, end: number): Promise<LogPiece> {
    const { writer } = this.segment.object.own;
    const written = writer === undefined ? end : Math.min(end, writer.memoryStart);
    const least = Math.min(Math.max(this.#needed, recordHeaderBytes), end - place);
    const rest = new Uint8Array(Math.max(0, place + least - written));
    if (rest.length > 0) writer?.copyOut(written, rest);
    const parts = [...await this.#readParts(place, written, least - rest.length), rest];
    const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    if (at < least) {
      const { path } = this.segment.object, found = "the end of the file";
      throw new CorruptionError({ path, offset: place + at, expected: `records up to offset ${end}`, found });
    }
    this.#readAhead(place + at, end);
    return { bytes, start: place, isTrusted: false };
  }

  /** At least so many bytes of the file: what is left of the last piece, what was read ahead, and the rest. */
  async #readParts(place: number, written: number, least: number): Promise<Uint8Array[]> {
    const { bytes, start, isTrusted } = this.#piece, parts: Uint8Array[] = [], end = start + bytes.length;
    let at = place;
    const isNext = !isTrusted && start <= place && end === this.#ahead[0]?.start;
    if (!isNext) await this.end();
    else if (place < end) {
      parts.push(bytes.subarray(place - start));
      at = end;
    }
    for (let ahead = this.#ahead.shift(); ahead !== undefined; ahead = this.#ahead.shift()) {
      parts.push(await this.#answer(ahead.bytes));
      at += ahead.length;
      if (at - place >= least) return parts;
    }
    const length = Math.min(Math.max(this.#wanted, place + least - at), written - at);
    if (length <= 0) return parts;
    const file = await this.segment.pin(this.#context.objects);
    return [...parts, await this.#answer(file.read(at, length))];
  }

  /** Waits for the system: who appends meanwhile gives the event loop its turn sooner. */
  async #answer<T>(asked: Promise<T>): Promise<T> {
    const { turns } = this.#context.host;
    turns.awaiting();
    try {
      return await asked;
    } finally {
      turns.answered();
    }
  }

  /** Begins to read what comes next of the file, as far as that is there. */
  #readAhead(from: number, end: number): void {
    const { writer } = this.segment.object.own, ahead = this.#ahead;
    const written = writer === undefined ? end : Math.min(end, writer.memoryStart);
    while (this.#wanted === fileBytes && ahead.length < mostAhead) {
      const last = ahead.at(-1), start = last === undefined ? from : last.start + last.length;
      const length = Math.min(fileBytes, written - start);
      // What is not a whole piece yet is read once it is asked for.
      if (length <= 0 || ahead.length > 0 && length < fileBytes) return;
      const bytes = this.segment.pin(this.#context.objects).then((file) => file.read(start, length));
      // Who asks for them is told what fails.
      bytes.catch(() => {});
      ahead.push({ start, length, bytes });
    }
  }
}
