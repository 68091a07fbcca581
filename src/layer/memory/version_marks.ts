/**
 * Marks in long chains of versions, so that a version of long ago is found by halves and not by walking the chain.
 *
 * ```
 *   newest ─► ○ ─► ○ ─► ● ─► ○ ─► … ─► ○ ─► ● ─► ○ ─► … ─► ○ ─► ● ─► … ─► oldest      ● marked, 1 in 256
 *   walked a few steps, then from the oldest mark that is newer than the LSN
 * ```
 *
 * Which versions are marked is scattered by their ids, so that no order of writing evades it. Only a chain that is long
 * where a mark falls gets any: keys with few versions cost nothing.
 *
 * @module
 */

import type { Lsn } from "../../base/mod.ts";

/** What a chain of versions is asked. */
export interface Chain {
  /** The next older version of the same key, or −1. */
  previous(version: number): number;
  /** The LSN of a version. */
  lsnOf(version: number): Lsn;
}

/** A version is marked if the upper bits of its scattered id are 0: 1 in 256. */
const scatter = 0x9e3779b1, markShift = 24;
/** Versions that a chain has at least where it gets a mark; fewer are walked. */
const leastLength = 32;

/** Whether a version is one of those that may be marked. */
export function mayMark(version: number): boolean {
  return Math.imul(version, scatter) >>> markShift === 0;
}

/** The marks of all chains. */
export class VersionMarks {
  /** By key: the versions that are marked, from old to new. */
  readonly #marks = new Map<number, number[]>();
  #count = 0;

  /** The memory that they hold in bytes, about. */
  get byteLength(): number {
    return this.#count * 8 + this.#marks.size * 64;
  }

  /** Marks the newest version of a key, if its chain is long. */
  mark(chain: Chain, key: number, version: number): void {
    const marks = this.#marks.get(key);
    if (marks !== undefined) marks.push(version);
    else if (isLong(chain, version)) this.#marks.set(key, [version]);
    else return;
    this.#count++;
  }

  /** The oldest mark of a key that is newer than an LSN and older than `version`; `version` if there is none. */
  jump(chain: Chain, key: number, version: number, lsn: Lsn): number {
    const marks = this.#marks.get(key);
    if (marks === undefined) return version;
    let low = 0, high = marks.length;
    while (low < high) {
      const middle = low + high >>> 1;
      if (chain.lsnOf(marks[middle]) > lsn) high = middle;
      else low = middle + 1;
    }
    return low < marks.length && marks[low] < version ? marks[low] : version;
  }
}

function isLong(chain: Chain, newest: number): boolean {
  let version = newest;
  for (let length = 1; length < leastLength && version >= 0; length++) version = chain.previous(version);
  return version >= 0;
}
