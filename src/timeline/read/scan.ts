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
import { Copies } from "./records/copies.ts";
import { mostEntries } from "./records/entry_read.ts";
import type { ScanPlan } from "./options.ts";
import { Places } from "./records/places.ts";
import { type FoundKeys, type KeySource, type ValueWindow, ValueWindows } from "./records/value_windows.ts";
import { complete, type Plan, type PlanState, type Read } from "./read.ts";
import type { View } from "./view.ts";

/** Keys that are found together: few at first, so that the first entry comes soon, then more and more. */
const firstWindowKeys = 512;
const defaultWindowKeys = 8192;
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
}

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
  readonly #mostHeldBytes: number;
  #heldBytes = 0;
  /** By source: the memory of the last value of it that is held. */
  readonly #heldIn: (Uint8Array | undefined)[] = [];
  /** Whether more versions of the last key may follow. */
  #isOpen = false;

  /**
   * Starts empty.
   *
   * @param cursor The versions of all layers.
   * @param files The file of each layer, by the cursor's source.
   * @param lsn The LSN that is read as of.
   * @param most The most keys that it takes.
   * @param options See {@linkcode ScanWindowOptions}.
   */
  constructor(
    cursor: MergedCursor,
    files: readonly RecordFile[],
    lsn: Lsn,
    most: number,
    { deleted = false, mostHeldBytes = 0, keys = new KeyColumn(0) }: ScanWindowOptions = {},
  ) {
    this.#cursor = cursor;
    this.#files = files;
    this.#lsn = lsn;
    this.#most = most;
    this.#deleted = deleted;
    this.#mostHeldBytes = mostHeldBytes;
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
    const file = this.#files[source];
    const end = Math.min(this.#cursor.end, at + versionsPerLook),
      isHeld = block.hasRecords && this.#mostHeldBytes > 0;
    let row = at;
    for (; row < end; row++) {
      const lsn = block.lsn[row];
      if (lsn > this.#lsn) continue;
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
      places.addRow(keys.length - 1, file, block, row);
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
    return this.keys.length === 0 || this.#heldIn[source] === memory ||
      this.#heldBytes + memory.length <= this.#mostHeldBytes;
  }

  /** Takes note that a value in some memory is held. */
  #hold(memory: Uint8Array, source: number): void {
    if (this.#heldIn[source] === memory) return;
    this.#heldIn[source] = memory;
    this.#heldBytes += memory.length;
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
export class RangeKeys implements KeySource {
  /** See {@linkcode KeySource.mostWindowKeys}. */
  mostWindowKeys: number = defaultWindowKeys;
  /** See {@linkcode KeySource.mostHeldBytes}. */
  mostHeldBytes: number = 0;
  readonly #objects: Objects;
  readonly #view: View;
  readonly #plan: ScanPlan;
  readonly #pages: PageSet;
  #cursor: MergedCursor | undefined;
  #sources: readonly RecordFile[] = [];
  #left: number;
  #windowKeys = firstWindowKeys;
  /** Those of the keys before the last, and of the last: fresh memory costs more than what is done with it. */
  readonly #columns: [KeyColumn, KeyColumn] = [new KeyColumn(0), new KeyColumn(0)];

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
    this.#plan = plan;
    this.#pages = new PageSet(objects, { keep: false });
    this.#left = plan.limit;
  }

  /** See {@linkcode KeySource.next}. */
  async next(): Promise<FoundKeys> {
    if (this.#left === 0) return { keys: new KeyColumn(0), places: new Places(0) };
    const cursor = this.#cursor ??= await this.#openCursor();
    const most = Math.min(this.#left, this.#windowKeys, this.mostWindowKeys);
    const keys = this.#columns.shift() as KeyColumn;
    this.#columns.push(keys);
    const { lsn } = this.#view, { deleted } = this.#plan, { mostHeldBytes } = this;
    const window = new ScanWindow(cursor, this.#sources, lsn, most, { deleted, mostHeldBytes, keys });
    await complete(window, this.#pages, this.#objects.host.turns, this.#view);
    this.#left -= window.keys.length;
    this.#windowKeys = most * 2;
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

/** Keys whose values lie apart are read many at a time; small values wait in columns until they are taken. */
const sizes = {
  denseKeys: 8192,
  mostKeys: 65536,
  mostBytes: 12 * 1024 * 1024,
  mostColumnBytes: 2048,
};

/** The entries of a range of keys, in key order; deleted keys are left out. */
export class ScanRead implements Read<ValueEntry | DamagedEntry> {
  readonly #view: View;
  readonly #windows: ValueWindows;
  #window: ValueWindow | undefined;
  #next = 0;

  /**
   * Starts at one end of the range; nothing is read yet.
   *
   * @param objects What reads.
   * @param view What is seen.
   * @param plan Which keys.
   */
  constructor(objects: Objects, view: View, plan: ScanPlan) {
    this.#view = view;
    this.#windows = new ValueWindows(objects, view, new RangeKeys(objects, view, plan), sizes, new Copies());
  }

  /** See {@linkcode Read.next}. */
  async next(): Promise<(ValueEntry | DamagedEntry)[] | undefined> {
    for (;;) {
      if (this.#window === undefined) {
        this.#window = await this.#windows.next();
        if (this.#window === undefined) return undefined;
        this.#next = this.#window.from;
      }
      const { values, to } = this.#window;
      const entries = values.takeReady(this.#next, Math.min(to, this.#next + mostEntries));
      this.#next += entries.length;
      if (this.#next === to) this.#window = undefined;
      if (values.allReady) this.#windows.readAhead();
      // A window has no keys without a value.
      if (entries.length > 0) return entries as (ValueEntry | DamagedEntry)[];
      await values.step();
      this.#view.check();
    }
  }

  /** See {@linkcode Read.cancel}. */
  async cancel(): Promise<void> {
    await this.#windows.cancel();
  }
}

/** The keys of a range and their LSNs, in key order. No value is read but where keys lie beside their values. */
export class KeyScanRead implements Read<KeyEntry> {
  readonly #keys: RangeKeys;
  readonly #copies = new Copies();
  #found: FoundKeys | undefined;
  #next = 0;

  /** As that of {@linkcode ScanRead}. */
  constructor(objects: Objects, view: View, plan: ScanPlan) {
    this.#keys = new RangeKeys(objects, view, plan);
  }

  /** See {@linkcode Read.next}. */
  async next(): Promise<KeyEntry[] | undefined> {
    if (this.#found === undefined) {
      this.#found = await this.#keys.next();
      if (this.#found.keys.length === 0) return undefined;
      this.#next = 0;
    }
    const { keys, places } = this.#found, entries: KeyEntry[] = [];
    for (const end = Math.min(keys.length, this.#next + mostEntries); this.#next < end; this.#next++) {
      entries.push({ key: keys.keyAt(this.#next, this.#copies), lsn: places.lsnOf(this.#next) });
    }
    if (this.#next === keys.length) this.#found = undefined;
    return entries;
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
