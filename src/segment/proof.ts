/**
 * Was anything behind the end of a segment once durable? A pad of the same file says so, wherever it stands.
 * Do blocks stand in the places of others? A pad at the end that was written elsewhere says so, and one behind the end
 * that contradicts what stands in front: it was written there and is not there, or behind older batches alone.
 *
 * ```
 *   written:  batch 5 │ pad A ┃ batch 6 …        found:  batch 6 │ … ┃ batch 5 │ pad A ┃
 *                       └ at 4500                                └ end         └ says 4500: not found in front of the end,
 *                                                                                or behind the end and older than batch 6
 * ```
 *
 * A pad is found by the id of its file, so that damage in front of it hides none, in time and memory that do not
 * depend on what else is there. What it says of where it was written is true wherever it stands, also of a copy within
 * a value.
 *
 * @module
 */

import { blockBytes, type Lsn } from "../base/mod.ts";
import {
  checkRecord,
  decodePad,
  fileSeed,
  type Pad,
  padBytes,
  readRecordHeader,
  recordHeaderBytes,
  RecordKind,
} from "../layer/mod.ts";

/** A pad that proves damage: bytes behind the end were durable, or blocks stand in the places of others. */
export interface Proof {
  /** Where it stands. */
  readonly offset: number;
  /** What it says. */
  readonly pad: Pad;
  /** Whether blocks stand in the places of others. */
  readonly isOutOfPlace: boolean;
  /** What should be there, in words. */
  readonly expected: string;
  /** What is, in words. */
  readonly found: string;
}

/** A pad that does not stand where it was written, at the end of a record: blocks stand in the places of others. */
export function misplacedPad(offset: number, pad: Pad): Proof {
  const expected = "the pad that was written there", found = `one that was written at offset ${pad.offset}`;
  return { offset, pad, isOutOfPlace: true, expected, found };
}

/** What was read of a segment up to where it ends. */
export interface Front {
  /** Where its last whole batch, or the pad behind it, ends. */
  readonly end: number;
  /** The LSN of that batch; `undefined` if there is none. */
  readonly lastLsn: Lsn | undefined;
  /** The offsets of its pads. */
  readonly pads: ReadonlySet<number>;
}

/** The longest pad: it fills a block whose rest is too short for one, and the block behind it. */
const maxPadBytes = blockBytes + padBytes;

/** Takes the bytes behind the end in order and looks for pads in them. */
export class ProofSearch {
  readonly #seed: number;
  readonly #idLow: number;
  readonly #idHigh: number;
  readonly #end: number;
  readonly #lastLsn: Lsn;
  readonly #pads: ReadonlySet<number>;
  /** The first byte of the id that is not zero, as most bytes of a file are, and where it stands in a pad. */
  readonly #sign: number;
  readonly #signAt: number;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** The offset in the file of `#bytes[0]`. */
  #base: number;
  /** The first pad that proves anything. */
  proof: Proof | undefined;
  /** The highest LSN that a pad says was durable. */
  durableLsn: Lsn = 0;
  /** How many bytes of the file pads say were durable. */
  durableOffset = 0;

  /**
   * Starts to search.
   *
   * @param fileId The id of the file.
   * @param front What stands in front of what it is fed.
   * @param start Where the first bytes that it is fed stand.
   */
  constructor(fileId: number, { end, lastLsn = 0, pads }: Front, start: number) {
    this.#seed = fileSeed(fileId);
    this.#idLow = fileId >>> 0;
    this.#idHigh = Math.floor(fileId / 2 ** 32);
    this.#end = end;
    this.#lastLsn = lastLsn;
    this.#pads = pads;
    this.#base = start;
    const view = new DataView(new ArrayBuffer(8));
    view.setUint32(0, this.#idLow, true);
    view.setUint32(4, this.#idHigh, true);
    const id = new Uint8Array(view.buffer);
    const first = Math.max(0, id.findIndex((byte) => byte !== 0));
    this.#sign = id[first];
    this.#signAt = recordHeaderBytes + first;
  }

  /** Takes the next bytes. */
  feed(chunk: Uint8Array): void {
    this.#take(chunk);
    const view = new DataView(this.#bytes.buffer);
    let sign = this.#bytes.indexOf(this.#sign, this.#signAt);
    while (sign >= 0) {
      const at = sign - this.#signAt;
      const pad = this.#padAt(view, at);
      if (pad !== undefined) this.#accept(this.#base + at, pad, readRecordHeader(view, at)?.lsn ?? 0);
      sign = this.#bytes.indexOf(this.#sign, sign + 1);
    }
  }

  #accept(offset: number, pad: Pad, lsn: Lsn): void {
    if (pad.durableOffset > this.#end) {
      const expected =
        `a record: the pad at offset ${offset} says that ${pad.durableOffset} bytes were durable`;
      this.proof ??= { offset, pad, isOutOfPlace: false, expected, found: "bytes that do not check" };
    }
    const found = this.#contradiction(pad, lsn);
    if (found !== undefined) {
      const expected =
        `batches up to LSN ${lsn} and a pad at offset ${pad.offset}, as that at ${offset} says`;
      this.proof ??= { offset, pad, isOutOfPlace: true, expected, found };
    }
    if (pad.durableLsn > this.durableLsn) this.durableLsn = pad.durableLsn;
    if (pad.durableOffset > this.durableOffset) this.durableOffset = pad.durableOffset;
  }

  /** What stands in front of the end and cannot, if a pad was written where it says, behind batches up to an LSN. */
  #contradiction(pad: Pad, lsn: Lsn): string | undefined {
    if (pad.offset < this.#end) return this.#pads.has(pad.offset) ? undefined : "no pad there";
    // LSNs increase along a file: a batch in front that is newer was written further on.
    return lsn < this.#lastLsn ? `one of LSN ${this.#lastLsn}` : undefined;
  }

  /** Reads a pad of this file, if one stands there whole. */
  #padAt(view: DataView, at: number): Pad | undefined {
    if (at + padBytes > view.byteLength) return undefined;
    if (view.getUint32(at + recordHeaderBytes, true) !== this.#idLow) return undefined;
    if (view.getUint32(at + recordHeaderBytes + 4, true) !== this.#idHigh) return undefined;
    const header = readRecordHeader(view, at);
    if (header?.kind !== RecordKind.PAD) return undefined;
    const length = recordHeaderBytes + header.valueLength;
    if (length > maxPadBytes || at + length > view.byteLength) return undefined;
    return checkRecord(this.#bytes, view, at, length, this.#seed) ? decodePad(view, at) : undefined;
  }

  /** Keeps as much of what was searched as a pad that goes on in the chunk may take. */
  #take(chunk: Uint8Array): void {
    const from = Math.max(0, this.#bytes.length - maxPadBytes);
    const left = this.#bytes.length - from;
    const joined = new Uint8Array(left + chunk.length);
    joined.set(this.#bytes.subarray(from));
    joined.set(chunk, left);
    this.#base += from;
    this.#bytes = joined;
  }
}
