/**
 * Which versions a merge keeps below a horizon: of each key what reads as of the horizon need.
 *
 * ```
 *   versions of a key     put@1  put@4  patch@5  patch@7 │ put@12          horizon 9
 *   kept                         put@4  patch@5  patch@7 │ put@12          put@1 is not needed as of 9, nor later
 *
 *   versions of a key     put@1  delete@6               │ put@12
 *   kept                         delete@6               │ put@12          of the oldest layers: put@12 alone
 * ```
 *
 * Versions come in the order of (key, LSN). Those that may go are held back until one comes that tells. To keep one too
 * many is never wrong; one that goes was seen to be superseded, or says no more than that there is nothing.
 *
 * @module
 */

import { type Lsn, maxKeyBytes } from "../../../base/mod.ts";
import {
  isSameSpan,
  type MergedCursor,
  type PageSource,
  terminalFlag,
  tombstoneFlag,
  type VersionBlock,
} from "../../../layer/mod.ts";
import { KeptRows } from "../../kept_rows.ts";

/** What may be given up. */
export interface Retention {
  /** The horizon, durably: nothing is read as of a lower LSN any more, but by who holds the inputs. */
  readonly horizon: Lsn;
  /** Whether nothing beside the inputs holds older versions of their keys, so that tombstones below it may go. */
  readonly isOldest: boolean;
}

/** What becomes of the versions that are held back, and of the one that comes. */
export const Verdict = {
  /** The held ones are kept, and so is this one. */
  KEEP: 0,
  /** The held ones go; this one is kept. */
  DROP: 1,
  /** The held ones are kept; this one is held. */
  KEEP_HOLD: 2,
  /** The held ones go; this one is held. */
  DROP_HOLD: 3,
  /** The held ones are held on, and this one too. */
  HOLD: 4,
} as const;

/** More versions of one key are not held back: a chain of patches that is longer is kept whole. */
const mostHeld = 1 << 12;

/** Decides, version by version, for a stream in the order of (key, LSN). */
export class RetainedVersions {
  readonly #horizon: Lsn;
  readonly #isOldest: boolean;
  #held = 0;
  /** Whether what is held is one tombstone below the horizon. */
  #isTombstone = false;

  /** Starts before the first version. */
  constructor({ horizon, isOldest }: Retention) {
    this.#horizon = horizon;
    this.#isOldest = isOldest;
  }

  /**
   * Takes the next version.
   *
   * @param isSameKey Whether it is of the key of the one before it.
   * @param lsn Its LSN.
   * @param flags Its flags.
   * @returns See {@linkcode Verdict}.
   */
  take(isSameKey: boolean, lsn: Lsn, flags: number): number {
    const isTerminal = (flags & terminalFlag) !== 0, held = this.#held;
    // A version that needs an older one needs the tombstone too.
    const dropsHeld = this.#isTombstone && this.#isOldest && (!isSameKey || isTerminal);
    if (lsn > this.#horizon) {
      this.#hold(0, false);
      return dropsHeld ? Verdict.DROP : Verdict.KEEP;
    }
    // One at the horizon itself is told of by histories that begin there.
    const isTombstone = (flags & tombstoneFlag) !== 0 && lsn < this.#horizon;
    if (isTerminal && isSameKey) {
      this.#hold(1, isTombstone);
      return Verdict.DROP_HOLD;
    }
    if (isSameKey && held > 0 && held < mostHeld) {
      this.#hold(held + 1, false);
      return Verdict.HOLD;
    }
    this.#hold(1, isTombstone && isTerminal);
    return dropsHeld ? Verdict.DROP_HOLD : Verdict.KEEP_HOLD;
  }

  /** Ends the stream; returns whether what is held goes. */
  end(): boolean {
    return this.#isTombstone && this.#isOldest;
  }

  #hold(count: number, isTombstone: boolean): void {
    this.#held = count;
    this.#isTombstone = isTombstone;
  }
}

/** Rows that are gathered before they are handed on. */
const gatheredRows = 1 << 10;
/** Bytes of records that are gathered with their rows. Rows behind them only say where theirs lie. */
const mostRecordBytes = 1 << 20;

/**
 * The versions of a cursor that are kept, wherever they come from, and their records, where those came with them. Memory
 * is bounded by the rows that are held.
 */
export class RetainedCursor implements MergedCursor {
  /** Rows that are decided, and behind them those that are held; with or without records as the rows that come next. */
  readonly block: VersionBlock;
  at = 0;
  end = 0;
  ended = false;
  readonly #from: MergedCursor;
  readonly #versions: RetainedVersions;
  readonly #sourceOf: () => number;
  readonly #kept = new KeptRows();
  /** The rows in front of this one are decided. */
  #decided = 0;
  /** The key of the last version that came. */
  readonly #lastKey = new Uint8Array(maxKeyBytes);
  #lastKeyLength = -1;

  /**
   * Starts before the first version.
   *
   * @param from What comes of the inputs, which nobody else may move any more.
   * @param retention What may be given up.
   * @param sourceOf Which source the row comes from that it stands at: cursors may move on before a row is handed on.
   */
  constructor(from: MergedCursor, retention: Retention, sourceOf: () => number = () => from.source) {
    this.#from = from;
    this.#sourceOf = sourceOf;
    this.block = this.#kept.block;
    this.#versions = new RetainedVersions(retention);
  }

  /** See {@linkcode MergedCursor.source}. */
  get source(): number {
    return this.#kept.sourceOf(this.at);
  }

  /** See {@linkcode MergedCursor.settle}. */
  settle(pages: PageSource): boolean {
    if (this.at < this.end || this.ended) return true;
    if (this.at === this.#decided && !this.#gather(pages)) return false;
    this.ended = this.at === this.#decided;
    this.end = this.at;
    while (this.end < this.#decided && this.#kept.areAlike(this.end, this.at)) this.end++;
    this.block.hasRecords = this.#kept.hasRecord(this.at);
    return true;
  }

  /** See {@linkcode MergedCursor.step}. */
  step(rows = 1): void {
    this.at += rows;
  }

  /** Gathers rows until some are decided, or there are no more; `false` if pages are missing. */
  #gather(pages: PageSource): boolean {
    this.#restart();
    while (this.#decided === 0) {
      if (!this.#from.settle(pages)) return false;
      if (this.#from.ended) {
        if (this.#versions.end()) this.block.count = this.#decided;
        this.#decided = this.block.count;
        return true;
      }
      const { block, at, end } = this.#from, source = this.#sourceOf();
      const to = Math.min(end, at + gatheredRows);
      for (let row = at; row < to; row++) this.#take(block, row, source);
      this.#from.step(to - at);
    }
    return true;
  }

  /** Moves what is held to the front. */
  #restart(): void {
    const { block } = this, from = this.#decided, held = block.count - from;
    for (let i = 0; from > 0 && i < held; i++) this.#kept.move(from + i, i);
    block.count = held;
    this.at = this.end = this.#decided = 0;
  }

  #take(block: VersionBlock, row: number, source: number): void {
    const own = this.block, isSameKey = this.#isLastKey(block, row);
    const verdict = this.#versions.take(isSameKey, block.lsn[row], block.flags[row]);
    if (verdict === Verdict.DROP || verdict === Verdict.DROP_HOLD) own.count = this.#decided;
    else if (verdict !== Verdict.HOLD) this.#decided = own.count;
    this.#kept.add(block, row, source, mostRecordBytes);
    if (verdict === Verdict.KEEP || verdict === Verdict.DROP) this.#decided = own.count;
    if (isSameKey) return;
    const start = block.keyStart[row], length = this.#lastKeyLength = block.keyLength[row];
    this.#lastKey.set(block.bytes.subarray(start, start + length));
  }

  #isLastKey({ bytes, keyStart, keyLength }: VersionBlock, row: number): boolean {
    const length = keyLength[row];
    return this.#lastKeyLength === length && isSameSpan(this.#lastKey, 0, bytes, keyStart[row], length);
  }
}
