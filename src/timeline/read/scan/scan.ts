/**
 * Scans: entries, keys alone, or how many there are, of the keys of a range.
 *
 * @module
 */

import type { Objects } from "../../../objects/mod.ts";
import type { DamagedEntry, KeyEntry, ValueEntry } from "../../entry.ts";
import { Copies } from "../records/copies.ts";
import { mostEntries } from "../records/entry_read.ts";
import type { ScanPlan } from "../options.ts";
import { RangeKeys } from "./range_keys.ts";
import { type FoundKeys, type ValueWindow, ValueWindows } from "../records/value_windows.ts";
import type { Read } from "../read.ts";
import type { View } from "../view.ts";

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
