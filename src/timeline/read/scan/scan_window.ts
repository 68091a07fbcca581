/**
 * A window of a scan: the next keys of all layers, merged, and for each the newest version as of an LSN.
 *
 * @module
 */

import type { Lsn, Turns } from "../../../base/mod.ts";
import type { MergedCursor, PageSource, RecordFile } from "../../../layer/mod.ts";
import { KeyColumn } from "../records/columns.ts";
import { addRow, Places } from "../records/places.ts";
import type { Plan, PlanState } from "../read.ts";

/** Versions between two looks whether the event loop's turn is due. */
const versionsPerLook = 256;

/** What a window takes, and where it goes. */
export interface ScanWindowOptions {
  /** Whether it keeps keys that were deleted. @default {false} */
  deleted?: boolean | undefined;
  /** The most bytes of records whose values it holds, if more than one, as it met them with their keys. @default {0} */
  mostHeldBytes?: number | undefined;
  /** Where keys go, in place of those that it has. @default {one of its own} */
  keys?: KeyColumn | undefined;
  /** Sources whose records are bounded by themselves, and do not count. @default {none} */
  bounded?: ReadonlySet<number> | undefined;
}

const none: ReadonlySet<number> = new Set();

/** Where versions come from. */
export interface ScanSource {
  /** The file that they lie in. */
  readonly file: RecordFile;
  /** The LSN that they are read as of: that of their level. */
  readonly lsn: Lsn;
}

/** The next keys of a scan that have a value, and where it lies. */
export class ScanWindow implements Plan {
  /** The keys. */
  readonly keys: KeyColumn;
  /** Where their versions lie. */
  readonly places: Places;
  readonly #cursor: MergedCursor;
  readonly #sources: readonly ScanSource[];
  readonly #most: number;
  readonly #deleted: boolean;
  readonly #mostHeldBytes: number;
  readonly #bounded: ReadonlySet<number>;
  #heldBytes = 0;
  /** By source: the memory of the last value of it that is held. */
  readonly #heldIn: (Uint8Array | undefined)[] = [];
  /** Whether more versions of the last key may follow. */
  #isOpen = false;

  /**
   * Starts empty.
   *
   * @param cursor The versions of all layers.
   * @param sources By the cursor's source, what it walks through.
   * @param most The most keys that it takes.
   * @param options See {@linkcode ScanWindowOptions}.
   */
  constructor(
    cursor: MergedCursor,
    sources: readonly ScanSource[],
    most: number,
    { deleted = false, mostHeldBytes = 0, keys = new KeyColumn(0), bounded = none }: ScanWindowOptions = {},
  ) {
    this.#cursor = cursor;
    this.#sources = sources;
    this.#most = most;
    this.#deleted = deleted;
    this.#mostHeldBytes = mostHeldBytes;
    this.#bounded = bounded;
    this.keys = keys;
    this.keys.clear(most);
    this.places = new Places(most);
  }

  /** Takes versions until it has its keys; see {@linkcode Plan.advance}. */
  advance(pages: PageSource, turns: Turns): PlanState {
    const cursor = this.#cursor;
    for (let taken = 0;;) {
      if (!cursor.settle(pages)) return "needs pages";
      if (cursor.ended) break;
      const rows = this.#takeRows();
      if (rows === 0) break;
      taken += rows;
      if (taken < versionsPerLook) continue;
      if (turns.due()) return "needs a turn";
      taken = 0;
    }
    this.#leaveKey();
    return "done";
  }

  /** Takes the rows that the cursor has at hand; returns how many, 0 if the next one is of a key too many. */
  #takeRows(): number {
    const { block, at, source } = this.#cursor;
    const { keys, places } = this;
    const { file, lsn: last } = this.#sources[source];
    const end = Math.min(this.#cursor.end, at + versionsPerLook),
      isHeld = block.hasRecords && this.#mostHeldBytes > 0;
    let row = at;
    for (; row < end; row++) {
      const lsn = block.lsn[row];
      if (lsn > last) continue;
      if (!this.#isOpen || !keys.isLast(block, row)) {
        this.#leaveKey();
        if (keys.length === this.#most || isHeld && !this.#hasRoom(block.bytes, source)) break;
        keys.add(block, row);
        this.#isOpen = true;
      }
      if (!isHeld) {
        places.add(keys.length - 1, file, lsn, block.offset[row], block.length[row], block.flags[row]);
        continue;
      }
      addRow(places, keys.length - 1, file, block, row);
      this.#hold(block.bytes, source);
    }
    this.#cursor.step(row - at);
    return row - at;
  }

  /**
   * Whether a value that lies in some memory can be held: what holds it is all of that memory. A window without keys
   * would be taken for the end.
   */
  #hasRoom(memory: Uint8Array, source: number): boolean {
    return this.keys.length === 0 || this.#heldIn[source] === memory || this.#bounded.has(source) ||
      this.#heldBytes + memory.length <= this.#mostHeldBytes;
  }

  /** Takes note that a value in some memory is held. */
  #hold(memory: Uint8Array, source: number): void {
    if (this.#heldIn[source] === memory) return;
    this.#heldIn[source] = memory;
    if (!this.#bounded.has(source)) this.#heldBytes += memory.length;
  }

  /** Leaves the last key, and drops it if it was deleted and no such key is wanted. */
  #leaveKey(): void {
    const key = this.keys.length - 1;
    if (this.#isOpen && !this.#deleted && this.places.isTombstone(this.places.newestOf(key))) {
      this.places.clear(key);
      this.keys.pop();
    }
    this.#isOpen = false;
  }
}
