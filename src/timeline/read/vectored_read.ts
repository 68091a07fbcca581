/**
 * The vectored read: N keys behave as N gets and cost as little as one.
 *
 * Keys are taken in windows, so that any number of them is read in bounded memory; within a window every index page
 * and every run of values is read once.
 *
 * @module
 */

import type { Lsn } from "../../base/mod.ts";
import { type Objects, PageSet } from "../../objects/mod.ts";
import type { DamagedEntry, Entry } from "../entry.ts";
import type { ReadObserver } from "./explain/read_observer.ts";
import { ListedKeys } from "./records/columns.ts";
import { Copies } from "./records/copies.ts";
import { EarlyRecords } from "./records/early_records.ts";
import { EntryRead } from "./records/entry_read.ts";
import { type Level, levelsAsOf } from "./levels.ts";
import { Lookup } from "./lookup.ts";
import { complete, type Read } from "./read.ts";
import type { View } from "./view.ts";

/** Keys that are looked up together. */
const windowKeys = 4096;

/** How keys are read. */
export interface VectoredReadOptions {
  /** What copies values: by itself, side by side. */
  copies?: Copies | undefined;
  /** The LSN that is read as of, if that is an earlier one than the view's. */
  asOf?: Lsn | undefined;
  /** Is told what it costs, if anybody wants to know. */
  observer?: ReadObserver | undefined;
}

/** The entries of keys, in the order in which they were asked for. */
export class VectoredRead implements Read<Entry | DamagedEntry> {
  readonly #objects: Objects;
  readonly #view: View;
  readonly #keys: Iterator<Uint8Array<ArrayBuffer>>;
  readonly #copies: Copies;
  readonly #observer: ReadObserver | undefined;
  readonly #levels: readonly Level[];
  #entries: EntryRead | undefined;

  /**
   * Starts at the first key; nothing is read yet.
   *
   * @param objects What reads.
   * @param view What is seen.
   * @param keys The keys, which are nobody else's.
   * @param options See {@linkcode VectoredReadOptions}.
   */
  constructor(
    objects: Objects,
    view: View,
    keys: Iterator<Uint8Array<ArrayBuffer>>,
    { copies = new Copies(), observer, asOf }: VectoredReadOptions = {},
  ) {
    this.#objects = objects;
    this.#view = view;
    this.#keys = keys;
    this.#copies = copies;
    this.#observer = observer;
    this.#levels = asOf === undefined ? view.levels : levelsAsOf(view.levels, asOf);
  }

  /** See {@linkcode Read.next}. */
  async next(): Promise<(Entry | DamagedEntry)[] | undefined> {
    for (;;) {
      const entries = await this.#entries?.next();
      if (entries !== undefined) return entries;
      const keys = this.#takeKeys();
      if (keys.length === 0) return undefined;
      this.#entries = await this.#lookUp(keys);
    }
  }

  /** See {@linkcode Read.cancel}. */
  async cancel(): Promise<void> {
    this.#keys.return?.();
    await this.#entries?.cancel();
  }

  #takeKeys(): Uint8Array<ArrayBuffer>[] {
    const keys: Uint8Array<ArrayBuffer>[] = [];
    while (keys.length < windowKeys) {
      const next = this.#keys.next();
      if (next.done) break;
      keys.push(next.value);
    }
    this.#view.countKeys(keys.length);
    return keys;
  }

  async #lookUp(keys: readonly Uint8Array<ArrayBuffer>[]): Promise<EntryRead> {
    const objects = this.#objects, view = this.#view, copies = this.#copies, observer = this.#observer;
    observer?.looksUp(keys);
    const lookup = new Lookup(this.#levels, keys, copies, observer);
    const pages = new PageSet(objects, { fleeting: true, observer });
    const listed = new ListedKeys(keys);
    const early = keys.length === 1
      ? undefined
      : new EarlyRecords(objects, listed, lookup.places, copies.waiting, observer);
    const { turns } = objects.host;
    await complete(lookup, observer?.watch(pages) ?? pages, turns, view, early && (() => early.read()));
    observer?.placed(lookup.places);
    return new EntryRead(objects, view, listed, lookup.places, {
      keep: true,
      copies,
      observer,
    });
  }
}
