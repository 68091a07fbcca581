/**
 * Windows of keys whose values are read together, each ahead of the reader.
 *
 * ```
 *   found    ├────── keys ──────┤├────────────── keys ─────────────┤      by the source, then cut by bytes
 *   windows  ├──── 1 ────┤├─ 2 ─┤├────── 3 ──────┤├─────── 4 ──────┤
 *                                 taken           read meanwhile
 * ```
 *
 * F1  A window is read ahead only behind one that was asked for after another was taken, so that who takes little has
 *     little read; and never more than one.
 * F2  Where records lie together, windows stay small, and what they need stays in the processor's cache. Where they lie
 *     apart, windows grow: the more of them are read at once, the closer they lie.
 *
 * @module
 */

import type { Objects } from "../../../objects/mod.ts";
import type { View } from "../view.ts";
import { KeyColumn, ValueColumn } from "./columns.ts";
import { apart, type Copies } from "./copies.ts";
import { windowEnd } from "./entry_read.ts";
import { Places } from "./places.ts";
import { Values } from "./values.ts";

/** Keys that were found, and where their versions lie. */
export interface FoundKeys {
  /** The keys. */
  readonly keys: KeyColumn;
  /** Where their versions lie. */
  readonly places: Places;
}

/** What finds keys. */
export interface KeySource {
  /** The most keys that it finds together. */
  mostWindowKeys: number;
  /** The most bytes of records whose values it holds together, if more than one; 0 if nobody asks for values. */
  mostHeldBytes: number;
  /** Finds the next keys; none at the end. They stay until it is asked the second time from then on. */
  next(): Promise<FoundKeys>;
  /** Waits for what it has in flight. Nothing is asked of it after. */
  cancel(): Promise<void>;
}

/** Some of the keys that were found, and their values. */
export interface ValueWindow extends FoundKeys {
  /** The first key. */
  readonly from: number;
  /** The key after the last. */
  readonly to: number;
  /** Their values. */
  readonly values: Values;
  /** Those of them that were read and wait to be taken, or are lent. It serves for another window once the next is asked for. */
  readonly column: ValueColumn;
}

/** How large windows are. */
export interface WindowSizes {
  /** The most keys of a window whose records lie together. */
  readonly denseKeys: number;
  /** The most keys of any window. */
  readonly mostKeys: number;
  /** The most bytes of records of a window, those among them whose values are held, if more than one. */
  readonly mostBytes: number;
  /** The longest record whose value waits in the column, in bytes; `Infinity` if all of them are lent from there. */
  readonly mostColumnBytes: number;
}

/** Records lie together if so much of what is read for them is theirs. */
const denseShare = 1 / 2;

/** Windows over all keys of a source. One call at a time. */
export class ValueWindows {
  readonly #objects: Objects;
  readonly #view: View;
  readonly #source: KeySource;
  readonly #sizes: WindowSizes;
  readonly #copies: Copies;
  /** That of the window before the last, and that of the last. */
  readonly #columns: [ValueColumn, ValueColumn] = [new ValueColumn(), new ValueColumn()];
  #found: FoundKeys = { keys: new KeyColumn(0), places: new Places(0) };
  /** The first of them that is in no window yet. */
  #next = 0;
  #window: ValueWindow | undefined;
  #ahead: Promise<ValueWindow | undefined> | undefined;
  #taken = 0;

  /**
   * Reads nothing yet.
   *
   * @param objects What reads.
   * @param view What stops it.
   * @param source What finds keys.
   * @param sizes How large windows are.
   * @param copies What copies entries that are taken.
   */
  constructor(objects: Objects, view: View, source: KeySource, sizes: WindowSizes, copies: Copies = apart) {
    this.#objects = objects;
    this.#view = view;
    this.#source = source;
    this.#sizes = sizes;
    this.#copies = copies;
    source.mostWindowKeys = sizes.denseKeys;
    source.mostHeldBytes = sizes.mostBytes;
  }

  /**
   * Leaves the last window for the next.
   *
   * @returns The next one, whose values are still being read; `undefined` at the end.
   * @throws {Error} If keys cannot be found, or the read must stop.
   */
  async next(): Promise<ValueWindow | undefined> {
    // What is still in flight must not meet another window in the column.
    if (this.#window?.values.done === false) await this.#window.values.cancel();
    const opening = this.#ahead ?? this.#open();
    this.#window = await opening;
    this.#ahead = undefined;
    this.#taken++;
    return this.#window;
  }

  /** Begins to read the next window, once that is worth it (F1). Called when all values of the last one are there. */
  readAhead(): void {
    if (this.#ahead !== undefined || this.#taken < 2) return;
    this.#ahead = this.#open();
    // Why it failed is told to who asks for the window.
    this.#ahead.catch(() => {});
  }

  /** Waits for what is in flight and gives up what it holds. Nothing is asked of it after. */
  async cancel(): Promise<void> {
    await this.#window?.values.cancel();
    const ahead = await this.#ahead?.catch(() => undefined);
    await ahead?.values.cancel();
    await this.#source.cancel();
  }

  async #open(): Promise<ValueWindow | undefined> {
    const { mostBytes, mostColumnBytes, denseKeys, mostKeys } = this.#sizes;
    if (this.#next === this.#found.keys.length) {
      this.#found = await this.#source.next();
      this.#next = 0;
      if (this.#found.keys.length === 0) return undefined;
    }
    const { keys, places } = this.#found, from = this.#next;
    const to = this.#next = windowEnd(places, from, keys.length, mostBytes);
    const column = this.#columns.shift() as ValueColumn;
    this.#columns.push(column);
    const values = new Values(this.#objects, keys, places, from, to, {
      column,
      mostColumnBytes,
      copies: this.#copies,
      redoer: this.#view.redoer,
    });
    const isDense = values.wantedBytes >= values.plannedBytes * denseShare;
    this.#source.mostWindowKeys = isDense ? denseKeys : mostKeys;
    values.issue();
    return { keys, places, from, to, values, column };
  }
}
