/**
 * Many cursors as one.
 *
 * ```
 *              winner                 a tournament of losers (after Knuth, The Art of Computer Programming vol. 3,
 *            ┌── [1] ──┐              5.4.1): every match remembers who lost it, so that a source that has moved on
 *          [2]         [3]            plays once on each level
 *         ┌─┴─┐       ┌─┴─┐
 *         s0  s1      s2  s3
 * ```
 *
 * @module
 */

import { keyHead } from "./key_head.ts";
import { compareRows, type PageSource, VersionBlock, type VersionCursor } from "./version_cursor.ts";

/** A cursor over the versions of several cursors. */
export interface MergedCursor extends VersionCursor {
  /** Which of the cursors it stands in, by its place among them. */
  readonly source: number;
}

/**
 * Merges cursors that walk the same way. Versions that are equal by (key, LSN) all come, that of the first cursor
 * first.
 *
 * @param cursors The cursors, which nobody else may move any more.
 * @param reverse Whether they walk from large to small.
 * @param sharedBytes How many bytes all keys that they walk are known to begin with in common: comparing begins behind.
 */
export function mergeCursors(
  cursors: readonly VersionCursor[],
  reverse = false,
  sharedBytes = 0,
): MergedCursor {
  return new Tournament(cursors, reverse, sharedBytes);
}

class Tournament implements MergedCursor {
  block: VersionBlock = new VersionBlock();
  at = 0;
  ended: boolean;
  source = -1;
  readonly #cursors: readonly VersionCursor[];
  readonly #sign: number;
  readonly #sharedBytes: number;
  /** By source: the first bytes of the key that it stands at, behind what all have, as a number. */
  readonly #heads: Float64Array;
  /** By match, from 1 on: who lost it. */
  readonly #losers: Int32Array;
  /** Whether the source it stands in has moved; before the first match, all have. */
  #hasMoved = true;

  constructor(cursors: readonly VersionCursor[], reverse: boolean, sharedBytes: number) {
    this.#cursors = cursors;
    this.#sharedBytes = sharedBytes;
    this.#sign = reverse ? -1 : 1;
    this.#heads = new Float64Array(cursors.length);
    this.#losers = new Int32Array(cursors.length);
    this.ended = cursors.length === 0;
  }

  get end(): number {
    const cursor = this.#cursors[this.source];
    return this.#isAhead(cursor.block, cursor.end - 1) ? cursor.end : this.at + 1;
  }

  settle(pages: PageSource): boolean {
    if (!this.#hasMoved || this.ended) return true;
    if (this.source < 0) {
      if (!this.#settleAll(pages)) return false;
      this.#stand(this.#play(1));
    } else {
      if (!this.#cursors[this.source].settle(pages)) {
        for (const cursor of this.#cursors) cursor.readAhead?.(pages);
        return false;
      }
      this.#load(this.source);
      this.#stand(this.#replay(this.source));
    }
    return true;
  }

  step(rows = 1): void {
    this.#cursors[this.source].step(rows);
    this.#hasMoved = true;
  }

  #settleAll(pages: PageSource): boolean {
    let waiting = 0;
    for (const cursor of this.#cursors) if (!cursor.settle(pages)) waiting++;
    if (waiting > 0) return false;
    for (let source = 0; source < this.#cursors.length; source++) this.#load(source);
    return true;
  }

  /** Takes note of where a settled source stands. */
  #load(source: number): void {
    const { ended, block, at } = this.#cursors[source];
    this.#heads[source] = ended ? Infinity : this.#headOf(block, at);
  }

  #headOf({ bytes, keyStart, keyLength }: VersionBlock, row: number): number {
    const start = keyStart[row];
    return keyHead(bytes, start + this.#sharedBytes, start + keyLength[row]) * this.#sign;
  }

  #stand(source: number): void {
    const { block, at } = this.#cursors[source];
    this.source = source;
    this.block = block;
    this.at = at;
    this.ended = this.#heads[source] === Infinity;
    this.#hasMoved = false;
  }

  /** Plays all matches under one; returns who won it. */
  #play(match: number): number {
    const sources = this.#cursors.length;
    if (match >= sources) return match - sources;
    const a = this.#play(match * 2), b = this.#play(match * 2 + 1);
    const winner = this.#precedes(a, b) ? a : b;
    this.#losers[match] = winner === a ? b : a;
    return winner;
  }

  /** Plays the matches of a source that has moved anew; returns who won the last. */
  #replay(source: number): number {
    const losers = this.#losers;
    let winner = source;
    for (let match = source + losers.length >> 1; match > 0; match >>= 1) {
      const loser = losers[match];
      if (!this.#precedes(loser, winner)) continue;
      losers[match] = winner;
      winner = loser;
    }
    return winner;
  }

  #precedes(a: number, b: number): boolean {
    const aHead = this.#heads[a], bHead = this.#heads[b];
    if (aHead !== bHead) return aHead < bHead;
    if (aHead === Infinity) return a < b;
    const one = this.#cursors[a], other = this.#cursors[b];
    const order = compareRows(one.block, one.at, other.block, other.at) * this.#sign;
    return order < 0 || order === 0 && a < b;
  }

  /** Whether a row of the source it stands in comes before all other sources: those that lost to it among them. */
  #isAhead(block: VersionBlock, row: number): boolean {
    const { source } = this, head = this.#headOf(block, row);
    for (let match = source + this.#losers.length >> 1; match > 0; match >>= 1) {
      const loser = this.#losers[match], loserHead = this.#heads[loser];
      if (head < loserHead) continue;
      if (head > loserHead) return false;
      const other = this.#cursors[loser];
      const order = compareRows(block, row, other.block, other.at) * this.#sign;
      if (order > 0 || order === 0 && source > loser) return false;
    }
    return true;
  }
}
