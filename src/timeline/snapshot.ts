/**
 * Reading as of one LSN.
 *
 * @module
 */

import { checkNames, checkReadLsn, type Key, type Lsn } from "../base/mod.ts";
import type { Objects } from "../objects/mod.ts";
import type { DamagedEntry, Entry, KeyEntry, ValueEntry, Version } from "./entry.ts";
import type { Explanation } from "./read/explain/explanation.ts";
import type { Keys } from "./read/key_vec.ts";
import type {
  AnyHistoryOptions,
  AnyScanRange,
  CountRange,
  HistoryOptions,
  KeysOnly,
  ReportDamage,
  ScanRange,
  SnapshotReadOptions,
} from "./read/options.ts";
import { Reads, type ViewSource } from "./read/reads.ts";
import type { View } from "./read/view.ts";

/** What a snapshot's reads may be given, whatever they do about damage. */
type AnyOptions = SnapshotReadOptions | ReportDamage<SnapshotReadOptions>;

/**
 * A reader of a timeline as of one LSN, which later appends do not change. It is made by {@linkcode Timeline.snapshot}.
 * Nothing that it may still read is removed before it is disposed of, and before reads that it began have ended.
 *
 * @example Two reads of the same moment
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const timeline = store.timeline();
 * await timeline.append([{ key: "a", value: "1" }]);
 * using snapshot = timeline.snapshot();
 * await timeline.append([{ key: "a", delete: true }]);
 * assertEquals(await snapshot.get("a"), new TextEncoder().encode("1"));
 * assertEquals(await timeline.get("a"), undefined);
 * ```
 */
export class Snapshot implements Disposable {
  /** The LSN that it reads as of. */
  readonly lsn: Lsn;
  readonly #reads: Reads;
  readonly #held: View;
  #disposed = false;

  /**
   * Made by {@linkcode Timeline.snapshot} only.
   *
   * @ignore
   */
  constructor(objects: Objects, view: View, { isOpen, gets }: Pick<ViewSource, "isOpen" | "gets">) {
    this.lsn = view.lsn;
    this.#reads = new Reads(objects, {
      map: view.map,
      open: (lsn, signal) => this.#view(lsn, signal),
      lsnFor: (lsn) => {
        this.#check();
        return checkReadLsn(lsn, view.lsn, view.horizon);
      },
      countKey: () => view.countKeys(1),
      isOpen,
      gets,
    });
    this.#held = view;
    view.whenStopped(() => view[Symbol.dispose]());
  }

  #view(lsn: Lsn | undefined, signal: AbortSignal | undefined): View {
    this.#check();
    return this.#held.again({ lsn, signal });
  }

  #check(): void {
    if (this.#disposed) {
      throw new Deno.errors.BadResource(`Cannot use snapshot at LSN ${this.lsn}: it was disposed of`);
    }
    this.#held.check();
  }

  /** Reads the value of one key, as {@linkcode Timeline.get} does. */
  get(
    key: Key,
    options?: Omit<SnapshotReadOptions, "damage">,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#reads.value(key, options, ["signal"]);
  }

  /** Reads the entry of one key, as {@linkcode Timeline.getEntry} does. */
  getEntry(key: Key, options?: Omit<SnapshotReadOptions, "damage">): Promise<Entry> {
    return this.#reads.entry(key, options, ["signal"]);
  }

  /** Reads keys in one batch, as {@linkcode Timeline.getVectored} does. */
  getVectored(keys: Keys, options?: SnapshotReadOptions): ReadableStream<Entry>;
  /** Reads keys as above, and reports damage in the places of entries. */
  getVectored(keys: Keys, options: ReportDamage<SnapshotReadOptions>): ReadableStream<Entry | DamagedEntry>;
  getVectored(keys: Keys, options?: AnyOptions): ReadableStream<Entry | DamagedEntry> {
    return this.#reads.keys(keys, withoutLsn(options));
  }

  /** Reads keys into an array, as {@linkcode Timeline.getMany} does. */
  async getMany(
    keys: Keys<Key>,
    options?: Omit<SnapshotReadOptions, "damage">,
  ): Promise<(Uint8Array<ArrayBuffer> | undefined)[]> {
    return await this.#reads.all(keys, withoutLsn(options));
  }

  /** Reads a range of keys, as {@linkcode Timeline.scan} does. */
  scan(range?: ScanRange, options?: SnapshotReadOptions): ReadableStream<ValueEntry>;
  /** Reads a range as above, and reports damage in the places of entries. */
  scan(
    range: ScanRange,
    options: ReportDamage<SnapshotReadOptions>,
  ): ReadableStream<ValueEntry | DamagedEntry>;
  /** Reads the keys of a range, and no values. */
  scan(range: KeysOnly, options?: SnapshotReadOptions): ReadableStream<KeyEntry>;
  scan(range: AnyScanRange = {}, options?: AnyOptions): ReadableStream<ValueEntry | KeyEntry | DamagedEntry> {
    return this.#reads.range(range, withoutLsn(options));
  }

  /** Counts the keys of a range that have a value, as {@linkcode Timeline.count} does. */
  async count(range: CountRange = {}, options?: Omit<SnapshotReadOptions, "damage">): Promise<number> {
    return await this.#reads.count(range, withoutLsn(options));
  }

  /** Reads the versions of a key, as {@linkcode Timeline.history} does; `to` is at most the snapshot's LSN. */
  history(key: Key, options?: HistoryOptions): ReadableStream<Version>;
  /** Reads versions as above, and reports damage in their places. */
  history(key: Key, options: ReportDamage<HistoryOptions>): ReadableStream<Version | DamagedEntry>;
  history(key: Key, options?: AnyHistoryOptions): ReadableStream<Version | DamagedEntry> {
    return this.#reads.history(key, options);
  }

  /** Says what reading keys costs, as {@linkcode Timeline.explain} does. */
  explain(keys: Keys, options?: Omit<SnapshotReadOptions, "damage">): Promise<Explanation> {
    return this.#reads.explain(keys, options, ["signal"]);
  }

  /** Gives the snapshot up; it cannot be read from after. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#held[Symbol.dispose]();
  }
}

/** A snapshot's reads have its LSN, and no other. */
function withoutLsn<T extends AnyOptions>(options: T | undefined): T | undefined {
  if (options !== undefined) checkNames("read", options, ["signal", "damage"]);
  return options;
}
