/**
 * Scans: the versions of all layers merged in key order; for each key the newest as of an LSN.
 *
 * @module
 */

import type { Lsn, Turns } from "../../base/mod.ts";
import {
  memoryCursor,
  mergeCursors,
  type MergedCursor,
  pageCursor,
  type PageSource,
  type RecordFile,
  sortIndex,
} from "../../layer/mod.ts";
import { type Objects, PageSet } from "../../objects/mod.ts";
import type { DamagedEntry, KeyEntry, ValueEntry } from "../entry.ts";
import { KeyColumn } from "./records/columns.ts";
import { EntryRead } from "./records/entry_read.ts";
import type { ScanPlan } from "./options.ts";
import { Places } from "./records/places.ts";
import { complete, type Plan, type PlanState, type Read } from "./read.ts";
import type { View } from "./view.ts";

/**
 * Keys whose values are read together: few at first, so that the first entry comes soon, then more and more. Values
 * that were written in another order than that of keys lie the closer the more of them are read at once.
 */
const firstWindowKeys = 512;
const defaultWindowKeys = 65536;
/** The most keys that are handed on at once, so that the event loop gets its turns. */
const mostEntries = 1024;
/** Versions between two looks whether the event loop's turn is due. */
const versionsPerLook = 256;
/** Bytes of records that a window holds, whose values it met with their keys, if they are of more than one key. */
const mostHeldBytes = 12 * 1024 * 1024;

/** The next keys of a scan that have a value, and where it lies. */
export class ScanWindow implements Plan {
  /** The keys. */
  readonly keys: KeyColumn;
  /** Where their versions lie. */
  readonly places: Places;
  readonly #cursor: MergedCursor;
  readonly #files: readonly RecordFile[];
  readonly #lsn: Lsn;
  readonly #most: number;
  readonly #deleted: boolean;
  readonly #hold: boolean;
  #heldBytes = 0;
  /** Whether more versions of the last key may follow. */
  #isOpen = false;

  /**
   * Starts empty.
   *
   * @param cursor The versions of all layers.
   * @param files The file of each layer, by the cursor's source.
   * @param lsn The LSN that is read as of.
   * @param most The most keys that it takes.
   * @param deleted Whether it keeps keys that were deleted.
   * @param hold Whether it holds values that it meets with their keys.
   */
  constructor(
    cursor: MergedCursor,
    files: readonly RecordFile[],
    lsn: Lsn,
    most: number,
    deleted: boolean = false,
    hold: boolean = false,
  ) {
    this.#hold = hold;
    this.#cursor = cursor;
    this.#files = files;
    this.#lsn = lsn;
    this.#most = most;
    this.#deleted = deleted;
    this.keys = new KeyColumn(most);
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
    const file = this.#files[source];
    const end = Math.min(this.#cursor.end, at + versionsPerLook), isHeld = this.#hold && block.hasRecords;
    let row = at;
    for (; row < end; row++) {
      const lsn = block.lsn[row];
      if (lsn > this.#lsn) continue;
      if (!this.#isOpen || !keys.isLast(block, row)) {
        this.#leaveKey();
        if (keys.length === this.#most || this.#heldBytes >= mostHeldBytes) break;
        keys.add(block, row);
        this.#isOpen = true;
      }
      if (!isHeld) {
        places.add(keys.length - 1, file, lsn, block.offset[row], block.length[row], block.flags[row]);
        continue;
      }
      places.addRow(keys.length - 1, file, block, row);
      this.#heldBytes += block.length[row];
    }
    this.#cursor.step(row - at);
    return row - at;
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

/** The keys of a range that have a value, in key order, a window at a time. */
export class RangeKeys {
  readonly #objects: Objects;
  readonly #view: View;
  readonly #plan: ScanPlan;
  readonly #pages: PageSet;
  #cursor: MergedCursor | undefined;
  #sources: readonly RecordFile[] = [];
  readonly #mostWindowKeys: number;
  readonly #hold: boolean;
  #left: number;
  #windowKeys = firstWindowKeys;

  /**
   * Starts at one end of the range; nothing is read yet.
   *
   * @param objects What reads.
   * @param view What is seen.
   * @param plan Which keys.
   * @param mostWindowKeys The most keys that are found together; left out, no value is going to be asked for.
   */
  constructor(objects: Objects, view: View, plan: ScanPlan, mostWindowKeys?: number) {
    this.#hold = mostWindowKeys !== undefined;
    this.#mostWindowKeys = mostWindowKeys ?? defaultWindowKeys;
    this.#objects = objects;
    this.#view = view;
    this.#plan = plan;
    this.#pages = new PageSet(objects, { keep: false });
    this.#left = plan.limit;
  }

  /** Finds the next keys; none at the end. */
  async next(): Promise<Pick<ScanWindow, "keys" | "places">> {
    if (this.#left === 0) return { keys: new KeyColumn(0), places: new Places(0) };
    const cursor = this.#cursor ??= await this.#openCursor();
    const most = Math.min(this.#left, this.#windowKeys);
    const { deleted } = this.#plan;
    const window = new ScanWindow(cursor, this.#sources, this.#view.lsn, most, deleted, this.#hold);
    await complete(window, this.#pages, this.#objects.host.turns, this.#view);
    this.#left -= window.keys.length;
    this.#windowKeys = Math.min(this.#windowKeys * 2, this.#mostWindowKeys);
    return window;
  }

  async #openCursor(): Promise<MergedCursor> {
    const { map, lsn } = this.#view;
    const { start, end, reverse } = this.#plan;
    const memory = map.memory.filter((layer) => layer.firstLsn <= lsn);
    for (const { index } of memory) {
      await sortIndex(index, this.#objects.host.turns);
      this.#view.check();
    }
    const stored = map.overlapping(start, end, lsn);
    this.#sources = [...memory, ...stored];
    const range = { start, end, reverse };
    const cursors = [
      ...memory.map(({ index }) => memoryCursor(index, range)),
      ...stored.map((layer) => pageCursor(layer, range)),
    ];
    return mergeCursors(cursors, reverse);
  }
}

/** The entries of a range of keys, in key order; deleted keys are left out. */
export class ScanRead implements Read<ValueEntry | DamagedEntry> {
  readonly #objects: Objects;
  readonly #view: View;
  readonly #keys: RangeKeys;
  #entries: EntryRead | undefined;

  /**
   * Starts at one end of the range; nothing is read yet.
   *
   * @param objects What reads.
   * @param view What is seen.
   * @param plan Which keys.
   */
  constructor(objects: Objects, view: View, plan: ScanPlan) {
    this.#objects = objects;
    this.#view = view;
    this.#keys = new RangeKeys(objects, view, plan, defaultWindowKeys);
  }

  /** See {@linkcode Read.next}. */
  async next(): Promise<(ValueEntry | DamagedEntry)[] | undefined> {
    for (;;) {
      const entries = await this.#entries?.next();
      // A window has no keys without a value.
      if (entries !== undefined) return entries as (ValueEntry | DamagedEntry)[];
      const { keys, places } = await this.#keys.next();
      if (keys.length === 0) return undefined;
      this.#entries = new EntryRead(this.#objects, this.#view, keys, places);
    }
  }

  /** See {@linkcode Read.cancel}. */
  async cancel(): Promise<void> {
    await this.#entries?.cancel();
  }
}

/** The keys of a range and their LSNs, in key order. No value is read but where keys lie beside their values. */
export class KeyScanRead implements Read<KeyEntry> {
  readonly #keys: RangeKeys;
  #entries: KeyEntry[] = [];
  #next = 0;

  /** As that of {@linkcode ScanRead}. */
  constructor(objects: Objects, view: View, plan: ScanPlan) {
    this.#keys = new RangeKeys(objects, view, plan);
  }

  /** See {@linkcode Read.next}. */
  async next(): Promise<KeyEntry[] | undefined> {
    if (this.#next === this.#entries.length) {
      const { keys, places } = await this.#keys.next();
      if (keys.length === 0) return undefined;
      this.#entries = Array.from(
        { length: keys.length },
        (_, i) => ({ key: keys.keyAt(i), lsn: places.lsnOf(i) }),
      );
      this.#next = 0;
    }
    const from = this.#next;
    this.#next = Math.min(this.#entries.length, from + mostEntries);
    return this.#entries.slice(from, this.#next);
  }

  /** See {@linkcode Read.cancel}. */
  cancel(): Promise<void> {
    return Promise.resolve();
  }
}

/** How many keys of a range have a value. */
export async function countKeys(objects: Objects, view: View, plan: ScanPlan): Promise<number> {
  const range = new RangeKeys(objects, view, plan);
  let count = 0;
  for (let found = -1; found !== 0; count += found) {
    found = (await range.next()).keys.length;
    const { turns } = objects.host;
    if (turns.due()) await turns.turn();
    view.check();
  }
  return count;
}
